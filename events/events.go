// Package events streams events through topics and keeps them for later.
//
// A [Stream] publishes and consumes; a [Store] keeps events that were read from
// a stream so that they can be looked up again.
//
//	stream, err := events.NewStream()
//	ch, err := stream.Consume("orders", events.WithGroup("billing"))
//	err = stream.Publish("orders", Order{ID: 42})
//
//	ev := <-ch
//	var order Order
//	err = ev.Unmarshal(&order)
//
// Consumers of one group share the events of a topic, each event going to one
// of them; every group gets all events, in publish order. With
// WithAutoAck(false, wait) an event comes again every wait until it is
// acknowledged. WithOffset first replays what was published since a time.
//
// Without an offset a consumption begins with what is published from then on. For
// the memory stream that is true of a group as well: what was published while none of
// its consumers was there does not come by itself when one is back. A consumer that
// must miss nothing keeps the time of the last event it has handled, and passes it to
// WithOffset, which may deliver some events again. Streams on servers, of the packages
// events/natsjs and events/redis, keep the place of a group: it goes on from there, and
// WithOffset says where a group begins that is new.
//
// [Publish], [Consume] and [Read] use [DefaultStream] and [DefaultStore], which
// are nil until the application sets them.
package events

import (
	"errors"
	"fmt"
	"time"

	jsoncodec "github.com/justcy/go-micro/v4/codec/json"
)

var (
	// ErrMissingTopic is returned when an operation names no topic.
	ErrMissingTopic = errors.New("Missing topic") //nolint:staticcheck // the text is known to programs
	// ErrEncodingMessage is returned when a message cannot be encoded as JSON.
	ErrEncodingMessage = errors.New("Error encoding message") //nolint:staticcheck // the text is known to programs
	// ErrNoDefault is returned by the package functions while the default they
	// act on is not set.
	ErrNoDefault = errors.New("no default set")
	// ErrClosed is returned by a stream or store that was closed.
	ErrClosed = errors.New("closed")
)

var (
	// DefaultStream is what Publish and Consume act on; set it before use.
	DefaultStream Stream
	// DefaultStore is what Read acts on; set it before use.
	DefaultStore Store
)

// Stream publishes and consumes events. All methods may be called from several
// goroutines at once. A stream that holds goroutines or connections also
// implements io.Closer.
type Stream interface {
	// Publish sends a message to the topic: bytes as they are, anything else as
	// JSON. It does not wait for consumers and succeeds without any.
	Publish(topic string, msg any, opts ...PublishOption) error
	// Consume returns an unbuffered channel of the topic's events. The channel
	// is never closed; end a consumption with [WithContext], or close the
	// stream, and stop reading.
	Consume(topic string, opts ...ConsumeOption) (<-chan Event, error)
}

// Store keeps events by topic. All methods may be called from several
// goroutines at once.
type Store interface {
	// Read returns events of the topic, oldest first.
	Read(topic string, opts ...ReadOption) ([]*Event, error)
	// Write keeps an event; one with the same topic and ID is replaced.
	Write(event *Event, opts ...WriteOption) error
}

// AckFunc acknowledges an event.
type AckFunc func() error

// NackFunc refuses an event, so that it is delivered again.
type NackFunc func() error

// Event is one event of a topic. Its JSON form is what streams put on the wire
// and into stores.
type Event struct {
	// ID is unique, given by Publish.
	ID string
	// Topic the event was published to.
	Topic string
	// Timestamp is when the event happened: the time of Publish unless given.
	Timestamp time.Time
	// Metadata describes the event.
	Metadata map[string]string
	// Payload is the encoded message.
	Payload []byte

	ackFunc  AckFunc
	nackFunc NackFunc
}

// Unmarshal decodes the payload, which must be JSON, into v. Protobuf messages
// are read in both of their forms: that of encoding/json, which Publish writes,
// and the JSON mapping.
func (e *Event) Unmarshal(v any) error {
	if err := (jsoncodec.Marshaler{}).Unmarshal(e.Payload, v); err != nil {
		return fmt.Errorf("decoding event %s of topic %s: %w", e.ID, e.Topic, err)
	}
	return nil
}

// Ack acknowledges the event, so that it is not delivered again. On an event
// that needs no acknowledgement it does nothing.
func (e *Event) Ack() error {
	if e.ackFunc == nil {
		return nil
	}
	return e.ackFunc()
}

// Nack refuses the event. On an event that needs no acknowledgement it does
// nothing.
func (e *Event) Nack() error {
	if e.nackFunc == nil {
		return nil
	}
	return e.nackFunc()
}

// SetAckFunc sets what Ack calls; streams use it.
func (e *Event) SetAckFunc(f AckFunc) { e.ackFunc = f }

// SetNackFunc sets what Nack calls; streams use it.
func (e *Event) SetNackFunc(f NackFunc) { e.nackFunc = f }

// Publish publishes with [DefaultStream].
func Publish(topic string, msg any, opts ...PublishOption) error {
	if DefaultStream == nil {
		return fmt.Errorf("publishing to %s: %w: set events.DefaultStream", topic, ErrNoDefault)
	}
	return DefaultStream.Publish(topic, msg, opts...)
}

// Consume consumes from [DefaultStream].
func Consume(topic string, opts ...ConsumeOption) (<-chan Event, error) {
	if DefaultStream == nil {
		return nil, fmt.Errorf("consuming %s: %w: set events.DefaultStream", topic, ErrNoDefault)
	}
	return DefaultStream.Consume(topic, opts...)
}

// Read reads from [DefaultStore].
func Read(topic string, opts ...ReadOption) ([]*Event, error) {
	if DefaultStore == nil {
		return nil, fmt.Errorf("reading events of %s: %w: set events.DefaultStore", topic, ErrNoDefault)
	}
	return DefaultStore.Read(topic, opts...)
}
