package brokertest

import (
	"bytes"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/conformance"
)

type rule = conformance.Rule[Harness]

var (
	noSharing      = gap("NoSharing", func(h Harness) bool { return h.NoSharing })
	noQueues       = gap("NoQueues", func(h Harness) bool { return h.NoQueues })
	noHeaders      = gap("NoHeaders", func(h Harness) bool { return h.NoHeaders })
	noErrorHandler = gap("NoErrorHandler", func(h Harness) bool { return h.NoErrorHandler })
	noReconnect    = gap("NoReconnect", func(h Harness) bool { return h.NoReconnect })
	noBinary       = gap("NoBinary", func(h Harness) bool { return h.NoBinary })
)

// rules are those of every broker, and those about the backends that brokers have.
var rules = slices.Concat(messageRules, backendRules)

var messageRules = []rule{
	{Sentence: "a subscriber gets what is published to its topic", Check: delivery},
	{Sentence: "a subscriber gets nothing of other topics", Check: otherTopics},
	{Sentence: "messages of a topic arrive in publish order, each once", Check: order},
	{Sentence: "every subscriber without a queue gets every message", Check: broadcast},
	{Sentence: "headers arrive", Gap: noHeaders, Check: headers},
	{Sentence: "bodies are bytes of any kind", Gap: noBinary, Check: binaryBody},
	{Sentence: "an empty body arrives", Check: emptyBody},
	{Sentence: "the event names the topic", Check: topicOfEvent},
	{Sentence: "the published message is not changed", Check: publisherUntouched},
	{Sentence: "each handler has a message of its own", Check: ownMessages},
	{Sentence: "brokers on one backend reach each other", Gap: noSharing, Check: acrossBrokers},
	{Sentence: "a queue group gets each message once", Gap: noQueues, Check: queueOnce},
	{Sentence: "a queue group over several brokers gets each message once", Gap: func(h Harness) string {
		if g := noSharing(h); g != "" {
			return g
		}
		return noQueues(h)
	}, Check: queueAcrossBrokers},
	{Sentence: "every queue group and every subscriber without a queue gets each message", Gap: noQueues, Check: queuesAndBroadcast},
	{Sentence: "a queue group goes on with the members that are left", Gap: noQueues, Check: queueMemberLeaves},
	{Sentence: "nothing is delivered after Unsubscribe", Check: unsubscribed},
	{Sentence: "Unsubscribe leaves other subscriptions of the topic alone", Check: othersStay},
	{Sentence: "Unsubscribe may be repeated", Check: unsubscribeTwice},
	{Sentence: "a handler may unsubscribe itself", Check: unsubscribeInHandler},
	{Sentence: "a handler may publish", Check: publishInHandler},
	{Sentence: "a panicking handler does no harm to the next message", Check: panics},
	{Sentence: "a handler error reaches the ErrorHandler with its event", Gap: noErrorHandler, Check: errorHandler},
	{Sentence: "automatic acknowledgement is the default", Check: autoAck},
	{Sentence: "the subscriber tells its topic and options", Check: subscriberOptions},
	{Sentence: "a done PublishContext ends Publish with its error", Check: doneContext},
	{Sentence: "Connect may be repeated, and gives an address", Check: connectTwice},
	{Sentence: "Disconnect may be repeated, and needs no Connect", Check: disconnectTwice},
	{Sentence: "Publish after Disconnect is an error", Check: publishDisconnected},
	{Sentence: "Subscribe before Connect fails, or delivers once connected", Check: subscribeBeforeConnect},
	{Sentence: "subscriptions work again after a reconnect", Gap: noReconnect, Check: reconnect},
	{Sentence: "concurrent publishers lose nothing", Check: concurrentPublishers},
	{Sentence: "options are kept and copied", Check: options},
	{Sentence: "the broker has a name", Check: named},
}

func delivery(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	f.publish(b, "hello")
	f.want("the subscriber", []string{"hello"}, in)
}

func otherTopics(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in, other := f.connected(), new(inbox), new(inbox)
	f.subscribe(b, in.handle)
	for _, topic := range []string{f.topic + "x", f.topic + ".x", strings.ToUpper(f.topic)} {
		sub, err := b.Subscribe(topic, other.handle)
		if err != nil {
			t.Fatalf("Subscribe(%q): %v", topic, err)
		}
		t.Cleanup(func() { _ = sub.Unsubscribe() })
	}
	time.Sleep(h.Settle)
	f.publish(b, "hello")
	f.want("the subscriber", []string{"hello"}, in)
	f.want("subscribers of other topics", nil, other)
}

func order(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	all := numbered(500)
	f.publish(b, all...)
	f.want("the subscriber", all, in)
}

func broadcast(t testing.TB, h Harness) {
	f := setup(t, h)
	b, one, two := f.connected(), new(inbox), new(inbox)
	f.subscribe(b, one.handle)
	f.subscribe(b, two.handle)
	f.publish(b, "a", "b")
	f.want("the first subscriber", []string{"a", "b"}, one)
	f.want("the second subscriber", []string{"a", "b"}, two)
}

func headers(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	err := b.Publish(f.topic, &broker.Message{Header: map[string]string{"Colour": "rød", "Empty": ""}, Body: []byte("x")})
	if err != nil {
		t.Fatalf("Publish: %v", err)
	}
	f.want("the subscriber", []string{"x"}, in)
	if t.Failed() {
		return
	}
	got := in.first().Message().Header
	if v, ok := got["Empty"]; got["Colour"] != "rød" || v != "" || !ok {
		t.Errorf("headers are %v", got)
	}
}

func binaryBody(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	body := make([]byte, 100_000)
	for i := range body {
		body[i] = byte(i * 31 >> 3)
	}
	f.publish(b, string(body))
	if !f.eventually(func() bool { return len(in.bodies()) == 1 }) {
		t.Fatalf("not delivered")
	}
	if !bytes.Equal(in.first().Message().Body, body) {
		t.Errorf("the body came back changed")
	}
}

func emptyBody(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	f.publish(b, "", "x")
	f.want("the subscriber", []string{"", "x"}, in)
}

func topicOfEvent(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	f.publish(b, "x")
	f.want("the subscriber", []string{"x"}, in)
	if t.Failed() {
		return
	}
	if e := in.first(); e.Topic() != f.topic || e.Ack() != nil || e.Error() != nil {
		t.Errorf("topic %q, ack %v, error %v", e.Topic(), e.Ack(), e.Error())
	}
}

func publisherUntouched(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, func(e broker.Event) error {
		m := e.Message()
		if m.Header == nil {
			m.Header = map[string]string{}
		}
		m.Header["Added"] = "by the handler"
		m.Body[0] = 'X'
		return in.handle(e)
	})
	m := &broker.Message{Header: map[string]string{"A": "1"}, Body: []byte("abc")}
	if err := b.Publish(f.topic, m); err != nil {
		t.Fatalf("Publish: %v", err)
	}
	m.Body[1] = 'Y' // it is the publisher's again
	f.eventually(func() bool { return len(in.bodies()) == 1 })
	if len(m.Header) != 1 || m.Header["A"] != "1" || string(m.Body) != "aYc" {
		t.Errorf("the published message became %v %q", m.Header, m.Body)
	}
}

func ownMessages(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	spoil := func(e broker.Event) error {
		err := in.handle(e)
		m := e.Message()
		m.Body = append(m.Body[:0], "spoilt"...)
		m.Header = nil
		return err
	}
	var mu sync.Mutex
	var seen []string
	for range 2 {
		f.subscribe(b, func(e broker.Event) error {
			mu.Lock()
			seen = append(seen, string(e.Message().Body))
			mu.Unlock()
			return spoil(e)
		})
	}
	f.publish(b, "original")
	f.eventually(func() bool { mu.Lock(); defer mu.Unlock(); return len(seen) == 2 })
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(seen, []string{"original", "original"}) {
		t.Errorf("handlers saw %q", seen)
	}
}

func acrossBrokers(t testing.TB, h Harness) {
	f := setup(t, h)
	one, two := f.connected(), f.connected()
	here, there := new(inbox), new(inbox)
	f.subscribe(one, here.handle)
	f.subscribe(two, there.handle)
	all := numbered(50)
	f.publish(one, all...)
	f.want("the publisher's own subscriber", all, here)
	f.want("the other broker's subscriber", all, there)
}
