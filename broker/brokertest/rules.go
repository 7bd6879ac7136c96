package brokertest

import (
	"bytes"
	"context"
	"errors"
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

func queueOnce(t testing.TB, h Harness) {
	f := setup(t, h)
	b, one, two := f.connected(), new(inbox), new(inbox)
	queue := broker.Queue(unique("queue"))
	f.subscribe(b, one.handle, queue)
	f.subscribe(b, two.handle, queue)
	all := numbered(40)
	f.publish(b, all...)
	f.want("the group", all, one, two)
}

func queueAcrossBrokers(t testing.TB, h Harness) {
	f := setup(t, h)
	first, second, publisher := f.connected(), f.connected(), f.connected()
	one, two := new(inbox), new(inbox)
	queue := broker.Queue(unique("queue"))
	f.subscribe(first, one.handle, queue)
	f.subscribe(second, two.handle, queue)
	all := numbered(100)
	f.publish(publisher, all...)
	f.want("the group", all, one, two)
}

func queuesAndBroadcast(t testing.TB, h Harness) {
	f := setup(t, h)
	b := f.connected()
	names := []string{"group a", "group b", "the subscriber without a queue"}
	inboxes := []*inbox{{}, {}, {}}
	f.subscribe(b, inboxes[0].handle, broker.Queue(unique("a")))
	f.subscribe(b, inboxes[1].handle, broker.Queue(unique("b")))
	f.subscribe(b, inboxes[2].handle)
	f.publish(b, "x", "y")
	for i, in := range inboxes {
		f.want(names[i], []string{"x", "y"}, in)
	}
}

func queueMemberLeaves(t testing.TB, h Harness) {
	f := setup(t, h)
	b, one, two := f.connected(), new(inbox), new(inbox)
	queue := broker.Queue(unique("queue"))
	leaving := f.subscribe(b, one.handle, queue)
	f.subscribe(b, two.handle, queue)
	if err := leaving.Unsubscribe(); err != nil {
		t.Fatalf("Unsubscribe: %v", err)
	}
	time.Sleep(h.Settle)
	all := numbered(10)
	f.publish(b, all...)
	f.want("the member that is left", all, two)
	f.want("the member that left", nil, one)
}

func unsubscribed(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in, stays := f.connected(), new(inbox), new(inbox)
	sub := f.subscribe(b, in.handle)
	f.subscribe(b, stays.handle)
	f.publish(b, "before")
	f.want("the subscriber", []string{"before"}, in)
	if err := sub.Unsubscribe(); err != nil {
		t.Fatalf("Unsubscribe: %v", err)
	}
	time.Sleep(h.Settle)
	f.publish(b, "after")
	f.want("the subscriber that stays", []string{"before", "after"}, stays)
	f.want("the subscriber that left", []string{"before"}, in)
}

func othersStay(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	ends := f.subscribe(b, new(inbox).handle)
	f.subscribe(b, in.handle)
	if err := ends.Unsubscribe(); err != nil {
		t.Fatalf("Unsubscribe: %v", err)
	}
	time.Sleep(h.Settle)
	f.publish(b, "x")
	f.want("the other subscriber", []string{"x"}, in)
}

func unsubscribeTwice(t testing.TB, h Harness) {
	f := setup(t, h)
	sub := f.subscribe(f.connected(), new(inbox).handle)
	for range 3 {
		if err := sub.Unsubscribe(); err != nil {
			t.Errorf("Unsubscribe: %v", err)
		}
	}
}

func unsubscribeInHandler(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	var sub broker.Subscriber
	ready := make(chan struct{})
	left := make(chan error, 8)
	sub = f.subscribe(b, func(e broker.Event) error {
		<-ready
		left <- sub.Unsubscribe()
		return in.handle(e)
	})
	close(ready)
	f.publish(b, "x")
	select {
	case err := <-left:
		if err != nil {
			t.Errorf("Unsubscribe: %v", err)
		}
	case <-time.After(f.h.Patience):
		t.Errorf("Unsubscribe within the handler does not return")
	}
}

func publishInHandler(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	answer := f.topic + "-answer"
	sub, err := b.Subscribe(answer, in.handle)
	if err != nil {
		t.Fatalf("Subscribe: %v", err)
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	f.subscribe(b, func(e broker.Event) error {
		return b.Publish(answer, &broker.Message{Body: append([]byte("re: "), e.Message().Body...)})
	})
	f.publish(b, "x")
	f.want("the subscriber of the answer", []string{"re: x"}, in)
}

func panics(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	var once sync.Once
	f.subscribe(b, func(e broker.Event) error {
		once.Do(func() { panic("on purpose") })
		return in.handle(e)
	})
	// The publisher may be told, and the broker may try the first again.
	_ = b.Publish(f.topic, &broker.Message{Body: []byte("first")})
	f.publish(b, "second")
	if !f.eventually(func() bool { return slices.Contains(in.bodies(), "second") }) {
		t.Errorf("the message after the panic was not delivered")
	}
}

func errorHandler(t testing.TB, h Harness) {
	f := setup(t, h)
	failure := errors.New("on purpose")
	got := make(chan broker.Event, 8)
	b := f.connected(broker.ErrorHandler(func(e broker.Event) error { got <- e; return nil }))
	f.subscribe(b, func(broker.Event) error { return failure })
	f.publish(b, "x")
	select {
	case e := <-got:
		if !errors.Is(e.Error(), failure) || e.Topic() != f.topic || e.Message() == nil || string(e.Message().Body) != "x" {
			t.Errorf("the ErrorHandler got topic %q, error %v", e.Topic(), e.Error())
		}
	case <-time.After(f.h.Patience):
		t.Errorf("the ErrorHandler was not called")
	}
}

func autoAck(t testing.TB, h Harness) {
	f := setup(t, h)
	b := f.connected()
	if sub := f.subscribe(b, new(inbox).handle); !sub.Options().AutoAck {
		t.Errorf("AutoAck is off")
	}
	if sub := f.subscribe(b, new(inbox).handle, broker.DisableAutoAck()); sub.Options().AutoAck {
		t.Errorf("DisableAutoAck has no effect")
	}
}

func subscriberOptions(t testing.TB, h Harness) {
	f := setup(t, h)
	sub := f.subscribe(f.connected(), new(inbox).handle, broker.Queue("q"))
	if sub.Topic() != f.topic || sub.Options().Queue != "q" {
		t.Errorf("topic %q, queue %q", sub.Topic(), sub.Options().Queue)
	}
}

func doneContext(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	err := b.Publish(f.topic, &broker.Message{Body: []byte("x")}, broker.PublishContext(ctx))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Publish returned %v", err)
	}
	f.want("the subscriber", nil, in)
}

func connectTwice(t testing.TB, h Harness) {
	f := setup(t, h)
	b := f.connected()
	address := b.Address()
	if err := b.Connect(); err != nil {
		t.Errorf("the second Connect: %v", err)
	}
	if address == "" || b.Address() != address {
		t.Errorf("the address is %q, then %q", address, b.Address())
	}
}

func disconnectTwice(t testing.TB, h Harness) {
	f := setup(t, h)
	b := f.h.New(t)
	if err := b.Disconnect(); err != nil {
		t.Errorf("Disconnect before Connect: %v", err)
	}
	if err := b.Connect(); err != nil {
		t.Fatalf("Connect: %v", err)
	}
	for range 2 {
		if err := b.Disconnect(); err != nil {
			t.Errorf("Disconnect: %v", err)
		}
	}
}

func publishDisconnected(t testing.TB, h Harness) {
	f := setup(t, h)
	b := f.connected()
	if err := b.Disconnect(); err != nil {
		t.Fatalf("Disconnect: %v", err)
	}
	if err := b.Publish(f.topic, &broker.Message{Body: []byte("x")}); err == nil {
		t.Errorf("Publish succeeded")
	}
}

func subscribeBeforeConnect(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.h.New(t), new(inbox)
	t.Cleanup(func() { _ = b.Disconnect() })
	sub, err := b.Subscribe(f.topic, in.handle)
	if err != nil {
		return
	}
	t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := b.Connect(); err != nil {
		t.Fatalf("Connect: %v", err)
	}
	time.Sleep(h.Settle)
	f.publish(b, "x")
	f.want("the subscriber", []string{"x"}, in)
}

func reconnect(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	f.publish(b, "one")
	f.want("the subscriber", []string{"one"}, in)
	if err := b.Disconnect(); err != nil {
		t.Fatalf("Disconnect: %v", err)
	}
	if err := b.Connect(); err != nil {
		t.Fatalf("Connect: %v", err)
	}
	time.Sleep(h.Settle)
	f.publish(b, "two")
	f.want("the subscriber", []string{"one", "two"}, in)
}

func concurrentPublishers(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in := f.connected(), new(inbox)
	f.subscribe(b, in.handle)
	var wg sync.WaitGroup
	all := numbered(400)
	for part := range slices.Chunk(all, 50) {
		wg.Go(func() {
			for _, body := range part {
				if err := b.Publish(f.topic, &broker.Message{Body: []byte(body)}); err != nil {
					t.Errorf("Publish: %v", err)
				}
			}
		})
	}
	wg.Wait()
	f.eventually(func() bool { return len(in.bodies()) >= len(all) })
	if got := slices.Sorted(slices.Values(in.bodies())); !slices.Equal(got, all) {
		t.Errorf("got %d of %d messages: %s", len(got), len(all), brief(got))
	}
}

func options(t testing.TB, h Harness) {
	b := h.New(t)
	handler := func(broker.Event) error { return nil }
	if err := b.Init(broker.ErrorHandler(handler)); err != nil {
		t.Fatalf("Init: %v", err)
	}
	o := b.Options()
	if o.ErrorHandler == nil || o.Logger == nil || o.Context == nil {
		t.Errorf("options are %+v", o)
	}
	o.Secure = !o.Secure
	if b.Options().Secure == o.Secure {
		t.Errorf("a change of the returned options is seen")
	}
}

func named(t testing.TB, h Harness) {
	if h.New(t).String() == "" {
		t.Errorf("String returns nothing")
	}
}
