package micro

import (
	"context"

	"github.com/justcy/go-micro/v4/client"
)

// Event publishes messages to one topic.
type Event interface {
	// Publish sends msg, encoded by the content type of the client, to the
	// topic of the event. Metadata of ctx travels as message headers.
	Publish(ctx context.Context, msg any, opts ...client.PublishOption) error
}

// Publisher is the former name of Event.
type Publisher = Event

// NewEvent returns the event of a topic, published through c. A nil c stands
// for a new client.
func NewEvent(topic string, c client.Client) Event {
	if c == nil {
		c = client.NewClient()
	}
	return &event{client: c, topic: topic}
}

type event struct {
	client client.Client
	topic  string
}

func (e *event) Publish(ctx context.Context, msg any, opts ...client.PublishOption) error {
	return e.client.Publish(ctx, e.client.NewMessage(e.topic, msg), opts...)
}
