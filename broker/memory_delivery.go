package broker

import (
	"bytes"
	"errors"
	"fmt"
	"maps"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/logger"
)

// memoryDelivery is one published message on its way through the handlers.
type memoryDelivery struct {
	topic   string
	message *Message
	encoded []byte // in place of message when there is a codec
	codec   codec.Marshaler
	onError Handler
	log     logger.Logger
}

func (d *memoryDelivery) encode() error {
	if d.codec == nil {
		return nil
	}
	encoded, err := d.codec.Marshal(d.message)
	if err != nil {
		return fmt.Errorf("publishing to %s: encoding the message: %w", d.topic, err)
	}
	d.encoded = encoded
	return nil
}

// toGroup gives the message to the member of the group whose turn it is. One that
// says that it has unsubscribed did not take it: as long as there is another, the
// message goes there, whoever comes and leaves meanwhile.
func (d *memoryDelivery) toGroup(g *memoryGroup) error {
	turn := g.next()
	var asked map[*memorySubscriber]bool
	for {
		s := g.member(turn, asked)
		if s == nil {
			return nil
		}
		if err := d.toSubscriber(s); !errors.Is(err, ErrUnsubscribed) {
			return err
		}
		if asked == nil {
			asked = map[*memorySubscriber]bool{}
		}
		asked[s] = true
	}
}

func (d *memoryDelivery) toSubscriber(s *memorySubscriber) error {
	e := d.event()
	err, _ := callHandler(s.handler, e)
	if err == nil {
		return nil
	}
	if d.onError == nil || errors.Is(err, ErrUnsubscribed) {
		return err
	}
	failed := *e // the handler may have kept the one it got
	failed.err = err
	if err, _ := callHandler(d.onError, &failed); err != nil {
		d.log.Logf(logger.ErrorLevel, "broker: error handler, topic %s: %v", d.topic, err)
	}
	return nil
}

// event returns an event and a message of their own for one handler.
func (d *memoryDelivery) event() *memoryEvent {
	e := &memoryEvent{topic: d.topic}
	if d.codec != nil {
		e.codec, e.encoded, e.log = d.codec, d.encoded, d.log
		return e
	}
	e.own = Message{Header: maps.Clone(d.message.Header), Body: bytes.Clone(d.message.Body)}
	return e
}

// callHandler calls h. A panic becomes an error, which is returned twice.
func callHandler(h Handler, e Event) (err, panicked error) {
	defer func() {
		if r := recover(); r != nil {
			panicked = fmt.Errorf("handler of topic %s panicked: %v", e.Topic(), r)
			err = panicked
		}
	}()
	return h(e), nil
}

type memoryEvent struct {
	topic   string
	own     Message
	encoded []byte
	codec   codec.Marshaler
	log     logger.Logger
	err     error
}

func (e *memoryEvent) Topic() string { return e.topic }
func (e *memoryEvent) Ack() error    { return nil }
func (e *memoryEvent) Error() error  { return e.err }

func (e *memoryEvent) Message() *Message {
	if e.codec == nil {
		return &e.own
	}
	m := new(Message)
	if err := e.codec.Unmarshal(e.encoded, m); err != nil {
		e.log.Logf(logger.ErrorLevel, "broker: decoding a message of topic %s: %v", e.topic, err)
		return nil
	}
	return m
}
