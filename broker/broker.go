// Package broker carries messages from publishers to subscribers by topic.
//
// A [Broker] is connected once, subscribed to and published to from any
// goroutine, and disconnected when the program ends:
//
//	b := broker.NewBroker(broker.Registry(r))
//	if err := b.Connect(); err != nil { … }
//	defer b.Disconnect()
//
//	sub, err := b.Subscribe("orders", func(e broker.Event) error {
//		fmt.Println(string(e.Message().Body))
//		return nil
//	}, broker.Queue("billing"))
//
//	err = b.Publish("orders", &broker.Message{Body: []byte("42")})
//
// Subscribers of a topic that share a queue name form a queue group: the group
// gets each message once. A subscriber without a queue gets every message.
//
// Two brokers are built in. [NewBroker] delivers over HTTP, directly between
// processes that find each other in the registry, with nothing else installed.
// [NewMemoryBroker] delivers within the process. Others live in folders of
// their own, and brokertest checks that they all mean the same.
package broker

import "errors"

// Broker publishes messages to topics and subscribes to them. All methods may
// be called from several goroutines at once.
type Broker interface {
	// Init applies options. A broker that holds connections may refuse while
	// it is connected.
	Init(...Option) error
	// Options returns a copy of the options in effect.
	Options() Options
	// Address returns where the broker listens or what it is connected to.
	Address() string
	// Connect makes the broker ready. It does nothing when already connected.
	Connect() error
	// Disconnect stops the broker. Deliveries in progress are waited for within
	// a bound, and the error says what could not be delivered. It does nothing
	// when not connected. Subscriptions are kept for the next Connect.
	Disconnect() error
	// Publish sends a message to the topic. The message is not kept or changed:
	// the caller may reuse it once Publish has returned. That nobody subscribes is
	// no error.
	Publish(topic string, m *Message, opts ...PublishOption) error
	// Subscribe calls h for messages of the topic until Unsubscribe.
	Subscribe(topic string, h Handler, opts ...SubscribeOption) (Subscriber, error)
	// String names the implementation, e.g. "http".
	String() string
}

// ErrUnsubscribed is returned, or wrapped, by a [Handler] that has come to its
// end and did nothing with the message, for instance because its server stopped
// before its subscription did. The built-in brokers treat the subscription as
// gone: another member of the queue group gets the message, and no
// [ErrorHandler] is told.
var ErrUnsubscribed = errors.New("the subscription has ended")

// Handler processes one message. What a returned error leads to is the broker's
// choice:
//
//   - The http broker takes the message for delivered: it is not sent again. The
//     error goes to the [ErrorHandler] of the receiving side, or else to its log.
//     A handler that panics gets the message again, up to ten times.
//   - The memory broker gives the error, or the panic, to the [ErrorHandler], or
//     else returns it from Publish, and the handlers behind get nothing.
//   - Brokers that acknowledge, such as those of drivers, leave the message with
//     their server, which delivers it again: see [DisableAutoAck].
//
// A handler that wants another attempt keeps the message and makes it itself, or
// uses a broker or a stream of package events that acknowledges.
// [ErrUnsubscribed] passes the message on to another member of the queue group.
type Handler func(Event) error

// Message is what travels: headers for the machinery, a body for the
// application.
type Message struct {
	Header map[string]string
	Body   []byte
}

// Event is one message on its way through one handler. It belongs to that
// handler: nobody else sees the same Event or the same Message.
type Event interface {
	// Topic is the topic the message was published to.
	Topic() string
	// Message is the message, or nil when it could not be decoded.
	Message() *Message
	// Ack confirms the message where the broker knows acknowledgements; the
	// built-in brokers do not, and return nil.
	Ack() error
	// Error is what went wrong with the message, for an [ErrorHandler].
	Error() error
}

// Subscriber is one subscription.
type Subscriber interface {
	// Options returns the options of the subscription.
	Options() SubscribeOptions
	// Topic returns the topic subscribed to.
	Topic() string
	// Unsubscribe ends the subscription: no handler call starts after it has
	// returned. It may be called again, and from within the handler.
	Unsubscribe() error
}

var (
	// DefaultBroker is the broker of the package functions and of services that
	// set none: the http broker. Replace it before it is used.
	DefaultBroker = NewBroker()
	// DefaultPath is the URL path on which the http broker takes messages.
	DefaultPath = "/"
	// DefaultAddress is where the http broker listens when no address is set: all
	// interfaces, as a server does, on a port chosen by the system.
	DefaultAddress = ":0"
)

// Init applies options to [DefaultBroker].
func Init(opts ...Option) error { return DefaultBroker.Init(opts...) }

// Connect connects [DefaultBroker].
func Connect() error { return DefaultBroker.Connect() }

// Disconnect disconnects [DefaultBroker].
func Disconnect() error { return DefaultBroker.Disconnect() }

// Publish publishes with [DefaultBroker].
func Publish(topic string, m *Message, opts ...PublishOption) error {
	return DefaultBroker.Publish(topic, m, opts...)
}

// Subscribe subscribes with [DefaultBroker].
func Subscribe(topic string, h Handler, opts ...SubscribeOption) (Subscriber, error) {
	return DefaultBroker.Subscribe(topic, h, opts...)
}

// String names [DefaultBroker].
func String() string { return DefaultBroker.String() }
