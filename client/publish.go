package client

import (
	"bytes"
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/codec"
	frame "github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// Publish encodes msg and hands it to the broker. The headers are the metadata
// of ctx, as far as it is passed on, and those that describe the message.
func (c *rpcClient) Publish(ctx context.Context, msg Message, opts ...PublishOption) error {
	if err := publishable(ctx, msg); err != nil {
		return err
	}
	s := c.settings.Load()
	options := options.With(PublishOptions{Context: ctx}, opts)
	if err := ended(ctx); err != nil {
		return tooLate(ctx, err)
	}
	id := uuid.NewString()
	topic := msg.Topic()
	if options.Exchange != "" {
		topic = options.Exchange
	}
	if topic == "" {
		return refusal("publish without a topic: the topic of the message is empty")
	}
	body, err := s.eventBody(msg, topic, id)
	if err != nil {
		return failure(clientID, "", err)
	}
	if err := s.broker.connect(ctx); err != nil {
		if contextErr := ended(ctx); contextErr != nil {
			cause := contextCause(ctx, contextErr)
			return timeout("publish to "+topic+": connecting the broker: "+cause.Error(), cause)
		}
		return failure(clientID, "", err)
	}
	event := &broker.Message{Header: eventHeader(ctx, msg, s.contentTypeOf(msg), id), Body: body}
	return s.opts.Broker.Publish(topic, event, broker.PublishContext(options.Context))
}

// publishable says what is missing for a Publish.
func publishable(ctx context.Context, msg Message) error {
	switch {
	case ctx == nil:
		return refusal("publish without a context: ctx is nil, use context.Background()")
	case msg == nil:
		return refusal("publish without a message: msg is nil, make one with NewMessage")
	}
	return nil
}

func (s *settings) contentTypeOf(msg Message) string {
	if ct := msg.ContentType(); ct != "" {
		return ct
	}
	return s.opts.ContentType
}

func eventHeader(ctx context.Context, msg Message, contentType, id string) map[string]string {
	md, _ := metadata.FromContext(ctx)
	h := wire.Metadata(md, 3)
	h[headers.ContentType] = contentType
	h[headers.Message] = msg.Topic()
	h[headers.ID] = id
	return h
}

// eventBody encodes the payload into memory that the broker may keep. A frame
// is handed on as it is.
func (s *settings) eventBody(msg Message, topic, id string) ([]byte, error) {
	format, err := s.format(s.contentTypeOf(msg))
	if err != nil {
		return nil, err
	}
	if f, ok := msg.Payload().(*frame.Frame); ok && f != nil {
		return f.Data, nil
	}
	coder := format.Coder()
	defer coder.Release()
	m := &codec.Message{
		Type:   codec.Event,
		Target: topic,
		Header: map[string]string{headers.ID: id, headers.Message: msg.Topic()},
	}
	body, err := coder.Encode(m, msg.Payload())
	return bytes.Clone(body), err
}

// brokerLink connects a broker once, when the first message is published.
type brokerLink struct {
	broker broker.Broker

	mu      sync.Mutex
	attempt *connecting // the one under way, or the one that succeeded
}

// connecting is an attempt to connect the broker.
type connecting struct {
	done chan struct{} // closed when it is over
	err  error
}

func newBrokerLink(b broker.Broker) *brokerLink { return &brokerLink{broker: b} }

// connect returns when the broker is connected or ctx has ended. All who wait
// share one attempt, which goes on without them. A failed one is repeated by the
// next caller.
func (l *brokerLink) connect(ctx context.Context) error {
	if l.broker == nil {
		return errNoBroker
	}
	a := l.join()
	select {
	case <-a.done:
		return a.err
	default:
	}
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// join returns the attempt to wait for.
func (l *brokerLink) join() *connecting {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.attempt == nil {
		l.attempt = &connecting{done: make(chan struct{})}
		go l.run(l.attempt)
	}
	return l.attempt
}

func (l *brokerLink) run(a *connecting) {
	defer close(a.done)
	defer func() {
		if a.err != nil {
			l.mu.Lock()
			l.attempt = nil
			l.mu.Unlock()
		}
	}()
	defer recovered(&a.err)
	a.err = l.broker.Connect()
}
