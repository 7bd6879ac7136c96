package events

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
)

const (
	defaultHistory      = 10_000
	defaultTotalHistory = 100_000
)

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
	event, err := NewEvent(topic, msg, opts...)
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

// Consume adds a consumer to a group of the topic.
func (s *memoryStream) Consume(topic string, opts ...ConsumeOption) (<-chan Event, error) {
	o, err := NewConsumeOptions(topic, opts...)
	if err != nil {
		return nil, err
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
