package eventstest

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/events"
)

var (
	noSharing       = gap("NoSharing", func(h Harness) bool { return h.NoSharing })
	noDurableGroups = gap("NoSharing or NoDurableGroups", func(h Harness) bool { return h.NoSharing || h.NoDurableGroups })
	noTakeover      = gap("NoSharing, NoRedelivery or NoClose", func(h Harness) bool { return h.NoSharing || h.NoRedelivery || h.NoClose })
	noOutage        = gap("no Outage", func(h Harness) bool { return h.Outage == nil })
	noInject        = gap("no Inject", func(h Harness) bool { return h.Inject == nil })
)

// backendRules are about what several streams, which may be those of several
// processes, see of their backend.
var backendRules = []rule{
	{Sentence: "streams on one backend reach each other", Gap: noSharing, Check: acrossStreams},
	{Sentence: "a group over several streams gets each event once", Gap: noSharing, Check: groupAcrossStreams},
	{Sentence: "a group goes on where it was when a consumer comes back", Gap: noDurableGroups, Check: groupComesBack},
	{Sentence: "what a closed stream had not acknowledged goes to the rest of the group", Gap: noTakeover, Check: takeover},
	{Sentence: "what is no event is passed over", Gap: noInject, Check: undecodable},
	{Sentence: "consumptions go on by themselves after the backend was away", Gap: noOutage, Check: outage},
	{Sentence: "what was not acknowledged comes again after the backend was away", Gap: noOutage, Check: outageRedelivers},
}

// another is the fixture of the same topic with a stream of its own.
func (f *fixture) another() *fixture {
	other := *f
	other.Stream = f.h.New(f.TB)
	return &other
}

func acrossStreams(t testing.TB, h Harness) {
	f := setup(t, h)
	here, there := f.consume(), f.another().consume()
	all := numbered(50)
	f.publish(all...)
	f.want("the publisher's own consumer", here, all...)
	f.want("the other stream's consumer", there, all...)
}

func groupAcrossStreams(t testing.TB, h Harness) {
	f := setup(t, h)
	group := events.WithGroup(unique("group"))
	one, two := f.consume(group), f.another().consume(group)
	all := numbered(200)
	f.another().publish(all...)
	if doubles := f.collect(all, one, two); doubles > 0 {
		t.Errorf("%d events came twice", doubles)
	}
	f.quiet("the group", one, two)
}

func groupComesBack(t testing.TB, h Harness) {
	f := setup(t, h)
	group := []events.ConsumeOption{events.WithGroup(unique("group")), events.WithAutoAck(false, f.longAckWait())}
	ctx, leave := context.WithCancel(context.Background())
	first, err := f.another().Consume(f.topic, append(group, events.WithContext(ctx))...)
	if err != nil {
		t.Fatalf("Consume: %v", err)
	}
	time.Sleep(h.Settle)
	f.publish("before")
	f.collect([]string{"before"}, first)
	leave()
	time.Sleep(h.Settle + f.h.Quiet)
	all := numbered(20)
	f.publish(all...)
	f.collect(all, f.consume(group...)) // what the first was given while it left comes late
}

func takeover(t testing.TB, h Harness) {
	f := setup(t, h)
	leaving := f.another()
	group := []events.ConsumeOption{events.WithGroup(unique("group")), events.WithAutoAck(false, max(f.h.AckWait, time.Second))}
	ch, stays := leaving.consume(group...), f.consume(group...)
	all := numbered(40)
	f.publish(all...)
	f.next(ch) // and no acknowledgement
	if err := leaving.Stream.(io.Closer).Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	f.collect(all, stays)
}

func undecodable(t testing.TB, h Harness) {
	f := setup(t, h)
	for name, opts := range map[string][]events.ConsumeOption{
		"automatic": nil,
		"manual":    {events.WithAutoAck(false, f.longAckWait())},
	} {
		f.topic = unique("topic")
		group := append(opts, events.WithGroup(unique("group")))
		ch := f.consume(group...)
		for _, data := range []string{"", "no event", "null", "[]", `{"ID":7}`, "\x00\xff"} {
			h.Inject(t, f.topic, []byte(data))
		}
		f.publish("an event")
		e := f.next(ch)
		if string(e.Payload) != "an event" {
			t.Errorf("%s acknowledgement: got %q of %q", name, e.Payload, e.Topic)
		}
		if err := e.Ack(); err != nil {
			t.Errorf("Ack: %v", err)
		}
		f.quiet(name+" acknowledgement", ch)
	}
}

// publishAgain publishes until that succeeds: the backend may just come back.
func (f *fixture) publishAgain(payload string) {
	f.Helper()
	deadline := time.Now().Add(f.h.Patience + f.h.Settle)
	for {
		err := f.Publish(f.topic, []byte(payload))
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			f.Fatalf("Publish still fails: %v", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func outage(t testing.TB, h Harness) {
	f := setup(t, h)
	s, begin, end := h.Outage(t)
	f.Stream = s
	alone := f.consume()
	grouped := f.consume(events.WithGroup(unique("group")), events.WithAutoAck(false, max(f.h.AckWait, 2*time.Second)))
	f.publish("before")
	f.collect([]string{"before"}, alone)
	f.collect([]string{"before"}, grouped)
	for _, payload := range []string{"one", "two"} {
		begin()
		time.Sleep(f.h.Quiet)
		end()
		f.publishAgain(payload)
		f.collect([]string{payload}, alone)
		f.collect([]string{payload}, grouped)
	}
}

func outageRedelivers(t testing.TB, h Harness) {
	f := setup(t, h)
	s, begin, end := h.Outage(t)
	f.Stream = s
	ch := f.consume(events.WithGroup(unique("group")), events.WithAutoAck(false, max(f.h.AckWait, time.Second)))
	all := numbered(10)
	f.publish(all...)
	for range 5 {
		f.next(ch) // and no acknowledgement
	}
	begin()
	end()
	f.collect(all, ch)
}
