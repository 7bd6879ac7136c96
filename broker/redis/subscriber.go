package redis

import (
	"errors"
	"fmt"
	"sync"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/messagejson"
	"github.com/justcy/go-micro/v4/logger"
)

var errOverrun = errors.New("the subscriber is too slow: the message gave way to newer ones")

// subscriber is one subscription. Over each connection it has a queue of its own
// and a goroutine that calls the handler.
type subscriber struct {
	broker  *redisBroker
	topic   string
	handler broker.Handler
	opts    broker.SubscribeOptions

	mu    sync.Mutex
	ended bool
}

func (s *subscriber) Options() broker.SubscribeOptions { return s.opts }
func (s *subscriber) Topic() string                    { return s.topic }

// Unsubscribe ends the subscription. What is queued for it goes to others of its
// queue group.
func (s *subscriber) Unsubscribe() error {
	s.mu.Lock()
	ended := s.ended
	s.ended = true
	s.mu.Unlock()
	if ended {
		return nil
	}
	if l := s.broker.forget(s); l != nil {
		l.remove(s)
	}
	return nil
}

// begin tells whether a call of the handler may start.
func (s *subscriber) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.ended
}

func (q *lane) handle(payload string) {
	if !q.begin() {
		q.link.pass(q, payload)
		return
	}
	e := q.event(payload)
	if e.err != nil {
		q.report(e, e.err)
		return
	}
	err := call(q.handler, e)
	switch {
	case errors.Is(err, broker.ErrUnsubscribed):
		_ = q.Unsubscribe() // its handler is gone
		q.link.pass(q, payload)
	case err != nil:
		q.report(q.event(payload), err)
	}
}

// event returns an event with a message of its own.
func (q *lane) event(payload string) *event {
	e := &event{topic: q.topic, message: new(broker.Message)}
	if err := messagejson.UnmarshalWith(q.link.opts.Codec, []byte(payload), e.message, (*messagejson.Message)(e.message)); err != nil {
		e.message = &broker.Message{Body: []byte(payload)}
		e.err = fmt.Errorf("decoding a message of topic %.80q: %w", q.topic, err)
	}
	return e
}

// report tells the ErrorHandler, or else the log.
func (q *lane) report(e *event, reason error) {
	e.err = reason
	h, log := q.link.opts.ErrorHandler, q.link.log
	if h == nil {
		log.Logf(logger.ErrorLevel, "redis broker: topic %.80q: %v", q.topic, reason)
		return
	}
	if err := call(h, e); err != nil {
		log.Logf(logger.ErrorLevel, "redis broker: error handler of topic %.80q: %v, given %v", q.topic, err, reason)
	}
}

// call calls h, whose panic becomes an error.
func call(h broker.Handler, e broker.Event) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("handler of topic %.80q panicked: %v", e.Topic(), r)
		}
	}()
	return h(e)
}

type event struct {
	topic   string
	message *broker.Message
	err     error
}

func (e *event) Topic() string            { return e.topic }
func (e *event) Message() *broker.Message { return e.message }
func (e *event) Ack() error               { return nil }
func (e *event) Error() error             { return e.err }
