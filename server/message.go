package server

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/bytes"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// message is the Message of this package.
type message struct {
	topic       string
	contentType string
	payload     any
	header      map[string]string
	body        []byte
	format      *wire.Format
}

func (m *message) Topic() string             { return m.topic }
func (m *message) Payload() any              { return m.payload }
func (m *message) ContentType() string       { return m.contentType }
func (m *message) Header() map[string]string { return m.header }
func (m *message) Body() []byte              { return m.body }

// Codec returns a new reader each time.
func (m *message) Codec() codec.Reader {
	c := m.format.Coder()
	c.Load(slices.Clone(m.body))
	return c
}

// newMessage makes a Message of headers, which are copied, and a body.
func (st *settings) newMessage(topic string, header map[string]string, body []byte) (*message, error) {
	h := wire.Clone(header)
	head := wire.ParseHead(h)
	if head.ContentType == "" {
		head.ContentType = st.contentType
		h[headers.ContentType] = head.ContentType
	}
	if head.Topic != "" {
		topic = head.Topic
	}
	format, err := st.format(head.ContentType, false)
	if err != nil {
		return nil, err
	}
	return &message{
		topic:       topic,
		contentType: head.ContentType,
		payload:     &bytes.Frame{Data: body},
		header:      h,
		body:        body,
		format:      format,
	}, nil
}

// subscribed returns the broker handler of one subscription; with nil, of the
// subscription that belongs to Options.Router.
func (s *rpcServer) subscribed(r *run, sub *subscription) broker.Handler {
	return func(e broker.Event) error {
		m := e.Message()
		if m == nil {
			return microerrors.InternalServerError(errorID, "message on topic %s cannot be decoded", e.Topic())
		}
		err := s.accept(r, sub, e.Topic(), m.Header, m.Body, nil)
		if err == errStopped {
			return fmt.Errorf("%w: %w", broker.ErrUnsubscribed, err)
		}
		return err
	}
}

// accept is receive as long as the run lasts.
func (s *rpcServer) accept(r *run, sub *subscription, topic string, header map[string]string, body []byte, from connection) error {
	if !r.begin() {
		return errStopped
	}
	defer r.done()
	return s.receive(r, sub, topic, header, body, from)
}

// receive handles a message that was published on a topic of the broker, or, over a
// connection and without a subscription, straight to the server.
func (s *rpcServer) receive(r *run, sub *subscription, topic string, header map[string]string, body []byte, from connection) (err error) {
	defer recoverInto(&err)
	st := s.settings.Load()
	m, err := st.newMessage(topic, header, body)
	if err != nil {
		return err
	}
	ctx := NewContext(metadata.NewContext(r.work, located(m.header, from)), s)
	switch {
	case st.router != nil:
		return readable(st.process(ctx, m))
	case sub != nil:
		return st.routes.deliver(ctx, st.routes.current(sub), m)
	}
	return st.routes.process(ctx, m)
}

// located is a copy of the headers of a message with the addresses of the connection
// that it came over, if it did. What its sender says of that does not count.
func located(header map[string]string, from connection) metadata.Metadata {
	md := metadata.Metadata(wire.Clone(header))
	md.Delete(headers.Local)
	md.Delete(headers.Remote)
	if from != nil {
		md[headers.Local], md[headers.Remote] = from.addresses()
	}
	return md
}

// process is the ProcessMessage of a Router.
func (t *routes) process(ctx context.Context, m Message) error {
	var subs []*subscription
	for _, s := range t.subs {
		if s.sub.Topic() == m.Topic() {
			subs = append(subs, s)
		}
	}
	return t.deliver(ctx, subs, m)
}

// current is a subscription with the wrappers in force.
func (t *routes) current(sub *subscription) []*subscription {
	for _, s := range t.subs {
		if s.id == sub.id {
			return []*subscription{s}
		}
	}
	return nil
}

// deliver calls all functions of subscriptions one after the other, whatever
// becomes of the ones before, and returns what failed as one error.
func (t *routes) deliver(ctx context.Context, subs []*subscription, m Message) error {
	var failed []error
	for _, s := range subs {
		ctx := context.WithValue(ctx, subscriberKey{}, s.sub)
		for i := range s.receivers {
			err := s.receivers[i].receive(ctx, m, s.functions[i])
			if err == nil {
				continue
			}
			logPanic(t.log, "a subscriber of "+s.sub.Topic(), err)
			failed = append(failed, err)
		}
	}
	return subscriberError(failed)
}

// receive decodes the message and calls fn, which is r inside the wrappers.
func (r *receiver) receive(ctx context.Context, m Message, fn SubscriberFunc) (err error) {
	defer recoverInto(&err)
	target, view := r.argument.make()
	if err := m.Codec().ReadBody(target); err != nil {
		return fmt.Errorf("decode message on topic %s: %w", m.Topic(), err)
	}
	if view != nil {
		target = view()
	}
	return readable(fn(ctx, &decodedMessage{Message: m, payload: target, header: maps.Clone(m.Header())}))
}

// decodedMessage is a Message with what one function gets of it.
type decodedMessage struct {
	Message
	payload any
	header  map[string]string
}

func (m *decodedMessage) Payload() any              { return m.payload }
func (m *decodedMessage) Body() []byte              { return slices.Clone(m.Message.Body()) }
func (m *decodedMessage) Header() map[string]string { return m.header }

// serve is the SubscriberFunc inside all wrappers.
func (r *receiver) serve(ctx context.Context, m Message) (err error) {
	defer recoverInto(&err)
	return r.call(ctx, m.Payload())
}

// refused reports whether none of the functions was allowed to see the message.
func refused(failed []error) bool {
	for _, err := range failed {
		e, ok := microerrors.As(err)
		if !ok || e.Code != http.StatusUnauthorized && e.Code != http.StatusForbidden {
			return false
		}
	}
	return true
}

// subscriberError makes one error of those of several functions. One panic
// alone stays what it is, and so does the refusal of a message.
func subscriberError(failed []error) error {
	if len(failed) == 0 {
		return nil
	}
	var p *panicError
	if len(failed) == 1 && errors.As(failed[0], &p) {
		return p.error
	}
	if refused(failed) {
		return failed[0]
	}
	texts := make([]string, len(failed))
	for i, err := range failed {
		texts[i] = err.Error()
	}
	return microerrors.InternalServerError(errorID, "subscriber error: %v", strings.Join(texts, "\n"))
}
