package client

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/codec"
	frame "github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// Publish encodes msg and hands it to the broker. The headers are the metadata
// of ctx, as far as it is passed on, and those that describe the message.
func (c *rpcClient) Publish(ctx context.Context, msg Message, opts ...PublishOption) error {
	s := c.settings.Load()
	options := PublishOptions{Context: ctx}
	apply(&options, opts)
	if err := ended(ctx); err != nil {
		return timeoutError(contextText(ctx, err))
	}
	id := uuid.NewString()
	topic := msg.Topic()
	if options.Exchange != "" {
		topic = options.Exchange
	}
	body, err := s.eventBody(msg, topic, id)
	if err != nil {
		return internalError(clientID, err.Error())
	}
	if err := s.broker.connect(ctx); err != nil {
		return internalError(clientID, err.Error())
	}
	event := &broker.Message{Header: eventHeader(ctx, msg, s.contentTypeOf(msg), id), Body: body}
	return s.opts.Broker.Publish(topic, event, broker.PublishContext(options.Context))
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
	turn   chan struct{} // one token: the right to connect
	up     chan struct{} // closed once the broker is connected
}

func newBrokerLink(b broker.Broker) *brokerLink {
	return &brokerLink{broker: b, turn: make(chan struct{}, 1), up: make(chan struct{})}
}

// connect returns when the broker is connected. Of several callers one
// connects it, and the others wait for that or for their context. A failed
// attempt is repeated by the next caller.
func (l *brokerLink) connect(ctx context.Context) error {
	select {
	case <-l.up:
		return nil
	default:
	}
	select {
	case <-l.up:
		return nil
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-l.turn }()
	select {
	case <-l.up:
		return nil
	default:
	}
	if l.broker == nil {
		return errNoBroker
	}
	if err := l.broker.Connect(); err != nil {
		return err
	}
	close(l.up)
	return nil
}
