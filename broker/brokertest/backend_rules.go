package brokertest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
)

var (
	noBacklog = gap("NoBacklog", func(h Harness) bool { return h.NoBacklog })
	noOutage  = gap("no Outage", func(h Harness) bool { return h.Outage == nil })
	noConfirm = gap("no Outage, or NoConfirm", func(h Harness) bool { return h.Outage == nil || h.NoConfirm })
	noInject  = gap("no Inject", func(h Harness) bool { return h.Inject == nil })
)

// backendRules are about what brokers see of a backend between them, and about
// subscribers that are slower than their publishers.
var backendRules = []rule{
	{Sentence: "a slow subscriber gets a thousand messages in order", Gap: noBacklog, Check: slowSubscriber},
	{Sentence: "a subscriber that stands still does not hold up others", Gap: noBacklog, Check: stalledSubscriber},
	{Sentence: "any topic is taken as it is, or refused", Check: oddTopics},
	{Sentence: "bytes that are no message do no harm to the next message", Gap: noInject, Check: undecodable},
	{Sentence: "subscriptions go on by themselves after the backend was away", Gap: noOutage, Check: outage},
	{Sentence: "Publish does not succeed while the backend is away, or delivers when it is back", Gap: noConfirm, Check: publishInOutage},
}

func slowSubscriber(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in, begin := f.connected(), new(inbox), make(chan struct{})
	f.subscribe(b, func(e broker.Event) error {
		<-begin
		return in.handle(e)
	})
	all := numbered(1000)
	f.publish(b, all...)
	close(begin)
	f.want("the slow subscriber", all, in)
}

func stalledSubscriber(t testing.TB, h Harness) {
	f := setup(t, h)
	b, in, end := f.connected(), new(inbox), make(chan struct{})
	f.subscribe(b, func(broker.Event) error { <-end; return nil })
	defer close(end)
	f.subscribe(b, in.handle)
	all := numbered(100)
	f.publish(b, all...)
	f.want("the other subscriber", all, in)
}

// oddTopics publishes to topics that a backend may give a meaning to, and looks
// for messages at the neighbours.
func oddTopics(t testing.TB, h Harness) {
	f := setup(t, h)
	b, base, neighbour := f.connected(), f.topic, new(inbox)
	for _, topic := range []string{base, base + ".a", base + ".a.b", base + "/a", base + "x"} {
		f.topic = topic
		f.subscribe(b, neighbour.handle)
	}
	for _, topic := range []string{
		base + ".ü", base + ".*", base + ".>", base + "*", base + "[a]", base + " a", base + "..c", base + ".", "." + base, base + "\r\nPUB", base + "\x00", base + "?",
	} {
		in := new(inbox)
		f.topic = topic
		sub, err := b.Subscribe(topic, in.handle)
		if err != nil {
			if b.Publish(topic, &broker.Message{Body: []byte("refused")}) == nil {
				t.Errorf("topic %q is refused by Subscribe (%v) and not by Publish", topic, err)
			}
			continue
		}
		time.Sleep(h.Settle)
		if err := b.Publish(topic, &broker.Message{Body: []byte(topic)}); err == nil {
			f.want("the subscriber of "+topic, []string{topic}, in)
		}
		if err := sub.Unsubscribe(); err != nil {
			t.Errorf("Unsubscribe(%q): %v", topic, err)
		}
	}
	f.want("subscribers of other topics", nil, neighbour)
	f.topic = base
	f.publish(b, "after")
	f.want("the subscriber of a plain topic", []string{"after"}, neighbour)
}

func undecodable(t testing.TB, h Harness) {
	f := setup(t, h)
	failed := make(chan broker.Event, 100)
	b, in := f.connected(broker.ErrorHandler(func(e broker.Event) error { failed <- e; return nil })), new(inbox)
	f.subscribe(b, in.handle)
	for _, data := range []string{"no message", "[]", `{"Header":7}`, "\x00\xff"} {
		h.Inject(t, f.topic, []byte(data))
	}
	f.publish(b, "a message")
	f.eventually(func() bool { return slices.Contains(in.bodies(), "a message") })
	f.want("the subscriber", []string{"a message"}, in)
	for {
		select {
		case e := <-failed:
			if e.Error() == nil || e.Topic() != f.topic {
				t.Errorf("the ErrorHandler got topic %q, error %v", e.Topic(), e.Error())
			}
		default:
			return
		}
	}
}

// deliveredAgain publishes until a message comes through: the backend may just
// come back, and messages without a subscriber are gone.
func (f *fixture) deliveredAgain(b broker.Broker, body string, inboxes ...*inbox) {
	f.Helper()
	var last error
	ok := f.eventually(func() bool {
		if last = b.Publish(f.topic, &broker.Message{Body: []byte(body)}); last == nil {
			time.Sleep(10 * time.Millisecond)
		}
		return !slices.ContainsFunc(inboxes, func(i *inbox) bool { return !slices.Contains(i.bodies(), body) })
	})
	if !ok {
		f.Errorf("%q is not delivered after the backend was away: %v", body, last)
	}
}

func outage(t testing.TB, h Harness) {
	f := setup(t, h)
	b, begin, end := h.Outage(t)
	alone, queued := new(inbox), new(inbox)
	f.subscribe(b, alone.handle)
	f.subscribe(b, queued.handle, broker.Queue(unique("queue")))
	f.deliveredAgain(b, "before", alone, queued)
	for _, body := range []string{"one", "two"} {
		begin()
		time.Sleep(f.h.Quiet)
		end()
		f.deliveredAgain(b, body, alone, queued)
	}
}

func publishInOutage(t testing.TB, h Harness) {
	f := setup(t, h)
	b, begin, end := h.Outage(t)
	in := new(inbox)
	f.subscribe(b, in.handle)
	f.deliveredAgain(b, "before", in)
	begin()
	errs := make(chan error, 1)
	go func() { errs <- b.Publish(f.topic, &broker.Message{Body: []byte("meanwhile")}) }()
	var err error
	select {
	case err = <-errs:
		end()
	case <-time.After(f.h.Quiet + time.Second): // it waits for the backend
		end()
		select {
		case err = <-errs:
		case <-time.After(f.h.Patience):
			err = errors.New("Publish does not return")
			t.Error(err)
		}
	}
	f.deliveredAgain(b, "after", in)
	if err == nil && !f.eventually(func() bool { return slices.Contains(in.bodies(), "meanwhile") }) {
		t.Errorf("what Publish accepted while the backend was away is lost")
	}
}
