package natsjs

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/internal/eventjson"
	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/logger"
)

// maxUnstored is how many events may be on their way to the server, published
// without waiting, before Publish waits.
const maxUnstored = 512

// What JetStream says while a cluster has no leader: it will have one.
const (
	notAvailable jetstream.ErrorCode = 10008
	notLeader    jetstream.ErrorCode = 10009
)

// Publish sends the event, and waits until it is stored if the options say so.
// While the server is away it waits for it, up to the timeout.
func (s *stream) Publish(topic string, msg any, opts ...events.PublishOption) error {
	event, err := events.NewEvent(topic, msg, opts...)
	if err != nil {
		return err
	}
	data, err := eventjson.Encode(event)
	if err != nil {
		return fmt.Errorf("Error encoding event: %w", err) //nolint:staticcheck // the text is known to programs
	}
	if !s.beginPublish() {
		return fmt.Errorf("publishing to %s: stream %w", topic, events.ErrClosed)
	}
	defer s.publishing.Done()
	m := &nats.Msg{
		Subject: subject(topic), Data: data,
		Header: nats.Header{jetstream.MsgIDHeader: {event.ID}}, // by which the server knows doubles
	}
	if err := s.send(topic, m); err != nil {
		return fmt.Errorf("Error publishing message to topic: %s: %w", topic, err) //nolint:staticcheck // the text is known to programs
	}
	return nil
}

// beginPublish notes a Publish for which Close has to wait, unless it has begun.
func (s *stream) beginPublish() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.publishing.Add(1)
	return true
}

// send sends at once where nothing is in the way, which is nearly always.
func (s *stream) send(topic string, m *nats.Msg) error {
	if s.resend.pending() == 0 && s.conn.IsConnected() && s.knows(m.Subject) {
		if err := s.hand(s.context, m); err == nil || !s.repeatable(m, err) {
			return err
		}
	}
	ctx, cancel := s.operation()
	defer cancel()
	select {
	case <-s.resend.idle(): // what was published before comes first
	case <-ctx.Done():
		return fmt.Errorf("earlier events are not stored yet: %w", ctx.Err())
	}
	return s.persist(ctx, topic, m, s.hand)
}

// hand hands an event to the server once.
func (s *stream) hand(ctx context.Context, m *nats.Msg) error {
	if s.opts.SyncPublish {
		return s.store(ctx, m)
	}
	return s.start(m)
}

// start has an event stored while others are.
func (s *stream) start(m *nats.Msg) error {
	s.unstored.Add(1)
	_, err := s.js.PublishMsgAsync(m, jetstream.WithStallWait(s.opts.Timeout))
	if err != nil {
		s.done()
	}
	return err
}

// store asks once for an event to be stored, and waits for the answer.
func (s *stream) store(ctx context.Context, m *nats.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout/3)
	defer cancel()
	_, err := s.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
	return err
}

// persist does something with an event, and does it again when the connection broke:
// the server drops the double.
func (s *stream) persist(ctx context.Context, topic string, m *nats.Msg, do func(context.Context, *nats.Msg) error) error {
	var last error
	for ctx.Err() == nil {
		if err := natsclient.Await(ctx, s.conn); err != nil {
			return errors.Join(err, last)
		}
		if _, last = s.streamOf(ctx, topic); last != nil {
			return last
		}
		if last = do(ctx, m); last == nil || !s.repeatable(m, last) {
			return last
		}
		pause(ctx, 50*time.Millisecond)
	}
	return errors.Join(ctx.Err(), last)
}

// repeatable reports whether an event whose storing failed may be stored when it is
// sent again.
func (s *stream) repeatable(m *nats.Msg, err error) bool {
	if errors.Is(err, jetstream.ErrNoStreamResponse) {
		s.forget(m.Subject)
		return true
	}
	var refused *jetstream.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode == notAvailable || refused.ErrorCode == notLeader
	}
	for _, final := range []error{nats.ErrMaxPayload, nats.ErrConnectionClosed, jetstream.ErrTooManyStalledMsgs} {
		if errors.Is(err, final) {
			return false
		}
	}
	return true
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// resender stores the events whose asynchronous storing failed, one after the
// other. Meanwhile Publish waits, so that it holds no more than maxUnstored and
// what was about to be sent.
type resender struct {
	stream *stream
	wake   chan struct{}

	mu     sync.Mutex
	failed []*nats.Msg
	empty  chan struct{} // closed while there are none
}

func (r *resender) init(s *stream) {
	r.stream, r.wake, r.empty = s, make(chan struct{}, 1), make(chan struct{})
	close(r.empty)
}

// idle returns a channel that is closed once nothing waits.
func (r *resender) idle() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.empty
}

func (r *resender) pending() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failed)
}

// add takes an event over from the connection.
func (r *resender) add(m *nats.Msg, err error) {
	if !r.stream.repeatable(m, err) {
		r.giveUp(m, err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failed) == 0 {
		r.empty = make(chan struct{})
	}
	r.failed = append(r.failed, &nats.Msg{Subject: m.Subject, Header: m.Header, Data: m.Data})
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *resender) giveUp(m *nats.Msg, err error) {
	defer r.stream.done()
	r.stream.opts.Logger.Logf(logger.ErrorLevel, "event %s of %s is lost, the server did not store it: %v",
		m.Header.Get(jetstream.MsgIDHeader), m.Subject, err)
}

// run works until the stream is closed.
func (r *resender) run() {
	for {
		m := r.first()
		if m == nil {
			select {
			case <-r.wake:
				continue
			case <-r.stream.context.Done():
				return
			}
		}
		err := r.again(m)
		if r.stream.context.Err() != nil {
			return
		}
		if err != nil && r.stream.repeatable(m, err) {
			continue
		}
		r.drop()
		if err != nil {
			r.giveUp(m, err)
		} else {
			r.stream.done()
		}
	}
}

// again tries to store an event until it is, or cannot be, or the timeout is over.
func (r *resender) again(m *nats.Msg) error {
	ctx, cancel := r.stream.operation()
	defer cancel()
	var event events.Event
	if err := eventjson.Decode(m.Data, &event); err != nil {
		return err
	}
	err := r.stream.persist(ctx, event.Topic, m, r.stream.store)
	if err != nil {
		pause(ctx, 100*time.Millisecond)
	}
	return err
}

func (r *resender) first() *nats.Msg {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.failed) == 0 {
		return nil
	}
	return r.failed[0]
}

func (r *resender) drop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed[0] = nil
	if r.failed = r.failed[1:]; len(r.failed) == 0 {
		r.failed = nil
		close(r.empty)
	}
}
