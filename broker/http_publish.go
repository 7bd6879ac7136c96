package broker

import (
	"context"
	"fmt"
	"maps"

	"github.com/justcy/go-micro/v4/logger"
)

// Publish encodes the message and hands it to the lanes of its receivers.
func (b *httpBroker) Publish(topic string, m *Message, opts ...PublishOption) error {
	if err := checkPublication(topic, m); err != nil {
		return err
	}
	ctx := publishContext(opts)
	if ctx == nil {
		ctx = context.Background()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	o := b.snapshot()
	header := make(map[string]string, len(m.Header)+1)
	maps.Copy(header, m.Header)
	header[topicHeader] = topic
	body, err := o.Codec.Marshal(&Message{Header: header, Body: m.Body})
	if err != nil {
		return fmt.Errorf("publishing to %s: encoding the message: %w", topic, err)
	}
	if limit := settingsOf(o.Context).maxMessageSize; len(body) > limit {
		return fmt.Errorf("publishing to %s: the encoded message has %d bytes, more than the %d that broker.MaxMessageSize allows", topic, len(body), limit)
	}
	return b.outbox.publish(ctx, &outgoing{topic: topic, body: body})
}

// discard tells the error handler, if there is one, of a message that will not be
// delivered.
func (b *httpBroker) discard(topic string, body []byte, reason error) bool {
	o := b.snapshot()
	if o.ErrorHandler == nil {
		return false
	}
	m := new(Message)
	if err := o.Codec.Unmarshal(body, m); err != nil {
		m = nil
	}
	b.report(&httpEvent{topic: topic, message: m, err: reason})
	return true
}

func (b *httpBroker) log(level logger.Level, line string) {
	logger.LoggerOrDefault(b.snapshot().Logger).Logf(level, "http broker: %s", line)
}
