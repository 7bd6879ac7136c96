package client

import (
	"context"

	"github.com/justcy/go-micro/v4/internal/options"
)

// MessageOptions configure a message.
type MessageOptions struct {
	// ContentType says how the payload is encoded.
	ContentType string
}

// MessageOption sets a field of MessageOptions.
type MessageOption func(*MessageOptions)

// WithMessageContentType sets how the payload is encoded.
func WithMessageContentType(ct string) MessageOption {
	return func(o *MessageOptions) { o.ContentType = ct }
}

// PublishOptions configure one Publish.
type PublishOptions struct {
	// Exchange is the broker topic to publish to instead of the message's.
	Exchange string
	// Context is passed to the broker. Default: the context of Publish.
	Context context.Context
}

// PublishOption sets a field of PublishOptions.
type PublishOption func(*PublishOptions)

// WithExchange publishes to another broker topic than the message's, which
// stays the topic that subscribers see.
func WithExchange(e string) PublishOption {
	return func(o *PublishOptions) { o.Exchange = e }
}

// PublishContext sets the context that the broker gets.
func PublishContext(ctx context.Context) PublishOption {
	return func(o *PublishOptions) { o.Context = ctx }
}

type message struct {
	topic   string
	payload any
	opts    MessageOptions
}

func newMessage(topic string, payload any, contentType string, opts []MessageOption) Message {
	m := &message{topic: topic, payload: payload, opts: MessageOptions{ContentType: contentType}}
	options.To(&m.opts, opts)
	if m.opts.ContentType == "" {
		m.opts.ContentType = contentType
	}
	return m
}

func (m *message) Topic() string       { return m.topic }
func (m *message) Payload() any        { return m.payload }
func (m *message) ContentType() string { return m.opts.ContentType }
