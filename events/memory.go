package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
)

const (
	defaultHistory      = 10_000
	defaultTotalHistory = 100_000
)

var errInvalidAckWait = errors.New("invalid AckWait passed, should be positive integer")

// memoryStream streams events within the process. Publish adds the event to the
// history and offers it to the groups of the topic; nothing it does waits
// for a consumer. A group that falls behind reads on from the history.
//
// Locks are taken in the order stream, group.
type memoryStream struct {
	opts    Options
	closing chan struct{}
	running sync.WaitGroup // consumers

	mu      sync.Mutex
	closed  bool
	history history
}

// NewStream returns a stream within the process. It also implements io.Closer:
// Close ends all consumptions.
//
// The stream keeps the latest events of each topic (see [StreamHistory]) for
// replay and for groups that fall behind. A group so slow that the history
// passes it by loses the oldest events, which is logged. A consumer that stops
// reading holds at most 16 events and its goroutine; end it with [WithContext].
func NewStream(opts ...Option) (Stream, error) {
	o := NewOptions(opts...)
	if o.Logger == nil {
		o.Logger = logger.DefaultLogger
	}
	if o.History <= 0 {
		o.History = defaultHistory
	}
	if o.TotalHistory <= 0 {
		o.TotalHistory = defaultTotalHistory
	}
	return &memoryStream{
		opts:    *o,
		closing: make(chan struct{}),
		history: history{perTopic: o.History, total: o.TotalHistory, topics: map[string]*topicHistory{}},
	}, nil
}

// Publish keeps the event and returns; consumers get it asynchronously.
func (s *memoryStream) Publish(topic string, msg any, opts ...PublishOption) error {
	if topic == "" {
		return ErrMissingTopic
	}
	select {
	case <-s.closing:
		return fmt.Errorf("publishing to %s: stream %w", topic, ErrClosed)
	default:
	}
	event, err := newEvent(topic, msg, opts)
	if err != nil {
		return err
	}
	if err := s.keep(event); err != nil {
		return err
	}

	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return fmt.Errorf("publishing to %s: stream %w", topic, ErrClosed)
	}
	t, seq, evicted := s.history.add(event)
	for _, g := range t.groups {
		g.push(event, seq)
	}
	s.mu.Unlock()
	return s.forget(evicted)
}

// keep writes an event to the store, if there is one.
func (s *memoryStream) keep(event *Event) error {
	if s.opts.Store == nil {
		return nil
	}
	encoded, err := json.Marshal(event)
	if err != nil {
		return fmt.Errorf("Error encoding event: %w", err) //nolint:staticcheck // the text is known to programs
	}
	if err := s.opts.Store.Write(&store.Record{Key: storeKey(event), Value: encoded}); err != nil {
		return fmt.Errorf("Error writing event to store: %w", err) //nolint:staticcheck // the text is known to programs
	}
	return nil
}

// forget removes events from the store, if there is one.
func (s *memoryStream) forget(evicted []*Event) error {
	if s.opts.Store == nil {
		return nil
	}
	for _, event := range evicted {
		if err := s.opts.Store.Delete(storeKey(event)); err != nil {
			return fmt.Errorf("removing event %s from the store: %w", event.ID, err)
		}
	}
	return nil
}

func storeKey(e *Event) string { return e.Topic + "/" + e.ID }

// newEvent makes the event of a message.
func newEvent(topic string, msg any, opts []PublishOption) (*Event, error) {
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

// Consume adds a consumer to a group of the topic.
func (s *memoryStream) Consume(topic string, opts ...ConsumeOption) (<-chan Event, error) {
	if topic == "" {
		return nil, ErrMissingTopic
	}
	o := ConsumeOptions{AutoAck: true}
	options.To(&o, opts)
	if !o.AutoAck && o.AckWait <= 0 {
		return nil, errInvalidAckWait
	}
	if o.Group == "" {
		o.Group = uuid.NewString()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, fmt.Errorf("consuming %s: stream %w", topic, ErrClosed)
	}
	t := s.history.topic(topic)
	g, isNew := t.groups[o.Group], false
	if g == nil {
		isNew = true
		g = &group{stream: s, topic: t, name: o.Group}
		t.groups[o.Group] = g
	}
	c := newConsumer(g, o)
	if o.Offset.Unix() > 0 {
		c.replayFrom, c.replayTo = t.first, g.reached(isNew)
		c.replaying = true
	}
	g.join(c)
	s.running.Go(c.run)
	return c.out, nil
}

// Close ends all consumptions and drops the history. Publish and Consume fail
// from then on.
func (s *memoryStream) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	s.running.Wait()
	return nil
}
