package nats

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/messagejson"
	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/logger"
)

// maxQueued is how many bytes wait for a handler.
const maxQueued = 64 << 20

// subscriber is one subscription, on one connection after the other.
type subscriber struct {
	broker  *natsBroker
	topic   string
	handler broker.Handler
	opts    broker.SubscribeOptions

	mu     sync.Mutex
	sub    *nats.Subscription // nil while there is no connection
	closed chan struct{}      // when sub calls the handler no more
	ended  bool
}

// check refuses what cannot be subscribed.
func (s *subscriber) check() error {
	if s.handler == nil {
		return errors.New("the handler is nil")
	}
	if strings.ContainsFunc(s.opts.Queue, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("the queue %q has blanks or control characters, which NATS does not allow", s.opts.Queue)
	}
	return natsclient.CheckPattern(s.topic)
}

// begin subscribes on a connection.
func (s *subscriber) begin(c *nats.Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.sub != nil && s.sub.IsValid() {
		return nil
	}
	sub, err := c.QueueSubscribe(s.topic, s.opts.Queue, s.receive)
	if err == nil {
		err = sub.SetPendingLimits(-1, maxQueued)
	}
	if err != nil {
		return fmt.Errorf("subscribing to %s: %w", s.topic, err)
	}
	closed := make(chan struct{})
	sub.SetClosedHandler(func(string) { close(closed) })
	s.sub, s.closed = sub, closed
	return nil
}

// suspend ends the subscription at the server, at once or after what has arrived.
func (s *subscriber) suspend(drain bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sub == nil || !s.sub.IsValid() {
		return nil
	}
	if drain {
		return s.sub.Drain()
	}
	return s.sub.Unsubscribe()
}

// await waits until the handler is called no more.
func (s *subscriber) await(ctx context.Context) error {
	s.mu.Lock()
	sub, closed := s.sub, s.closed
	s.sub, s.closed = nil, nil
	s.mu.Unlock()
	if sub == nil {
		return nil
	}
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		n, _, _ := sub.Pending()
		return fmt.Errorf("the handler of %s still runs, and %d messages wait for it: %w", s.topic, n, ctx.Err())
	}
}

// Options returns the options of the subscription.
func (s *subscriber) Options() broker.SubscribeOptions { return s.opts }

// Topic returns the topic subscribed to.
func (s *subscriber) Topic() string { return s.topic }

// Unsubscribe ends the subscription. What has arrived and was not handled is
// dropped.
func (s *subscriber) Unsubscribe() error {
	s.mu.Lock()
	sub := s.sub
	s.ended, s.sub = true, nil
	s.mu.Unlock()
	s.broker.forget(s)
	if sub == nil || !sub.IsValid() {
		return nil
	}
	if err := sub.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) && !errors.Is(err, nats.ErrBadSubscription) {
		return fmt.Errorf("unsubscribing from %s: %w", s.topic, err)
	}
	return nil
}

// receive handles one message.
func (s *subscriber) receive(m *nats.Msg) {
	s.mu.Lock()
	ended := s.ended
	s.mu.Unlock()
	if ended {
		return
	}
	o := s.broker.options.Get()
	e := &event{topic: m.Subject, message: new(broker.Message)}
	if err := messagejson.UnmarshalWith(o.Codec, m.Data, e.message, (*messagejson.Message)(e.message)); err != nil {
		e.message, e.err = &broker.Message{Body: m.Data}, fmt.Errorf("decoding a message of topic %s: %w", m.Subject, err)
		s.failed(&o, e)
		return
	}
	if err := call(s.handler, e); err != nil && !errors.Is(err, broker.ErrUnsubscribed) {
		failed := *e // the handler may have kept the one it got
		failed.err = err
		s.failed(&o, &failed)
	}
}

// failed tells of a message that could not be handled.
func (s *subscriber) failed(o *broker.Options, e *event) {
	s.broker.logf(logger.ErrorLevel, "nats broker: topic %s: %v", e.topic, e.err)
	if o.ErrorHandler == nil {
		return
	}
	if err := call(o.ErrorHandler, e); err != nil {
		s.broker.logf(logger.ErrorLevel, "nats broker: topic %s: the error handler: %v", e.topic, err)
	}
}

// call calls a handler and makes an error of its panic.
func call(h broker.Handler, e *event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("handler of topic %s panicked: %v\n%s", e.topic, r, debug.Stack())
		}
	}()
	return h(e)
}

// event is one message on its way through its handler.
type event struct {
	topic   string
	message *broker.Message
	err     error
}

func (e *event) Topic() string            { return e.topic }
func (e *event) Message() *broker.Message { return e.message }
func (e *event) Error() error             { return e.err }

// Ack does nothing: NATS without JetStream knows no acknowledgements.
func (e *event) Ack() error { return nil }
