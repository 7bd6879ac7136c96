package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/internal/options"
)

// What every stream does alike, for those who write one.

var errInvalidAckWait = errors.New("invalid AckWait passed, should be positive integer")

// NewEvent makes the event that a Publish with these arguments is about. The
// event shares no memory with them. It fails with [ErrMissingTopic] or
// [ErrEncodingMessage].
func NewEvent(topic string, msg any, opts ...PublishOption) (*Event, error) {
	if topic == "" {
		return nil, ErrMissingTopic
	}
	var o PublishOptions
	options.To(&o, opts)
	if o.Timestamp.IsZero() {
		o.Timestamp = time.Now().Round(0) // as it comes back from JSON
	}
	payload, isBytes := msg.([]byte)
	if isBytes {
		payload = bytes.Clone(payload)
	} else {
		var err error
		if payload, err = json.Marshal(msg); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrEncodingMessage, err)
		}
	}
	return &Event{
		ID:        uuid.NewString(),
		Topic:     topic,
		Timestamp: o.Timestamp,
		Metadata:  maps.Clone(o.Metadata),
		Payload:   payload,
	}, nil
}

// NewConsumeOptions returns the options of a Consume with these arguments:
// automatic acknowledgement unless they say otherwise. It fails with
// [ErrMissingTopic], and when an AckWait is needed and missing.
func NewConsumeOptions(topic string, opts ...ConsumeOption) (ConsumeOptions, error) {
	o := ConsumeOptions{AutoAck: true}
	if topic == "" {
		return o, ErrMissingTopic
	}
	options.To(&o, opts)
	if !o.AutoAck && o.AckWait <= 0 {
		return o, errInvalidAckWait
	}
	return o, nil
}
