package eventstest

import (
	"io"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/events"
)

var noClose = gap("NoClose", func(h Harness) bool { return h.NoClose })

// deliveryRules are about readers that are slow and events that stay without an
// acknowledgement.
var deliveryRules = []rule{
	{Sentence: "an offset leaves out what was published before it", Gap: noReplay, Check: laterOnly},
	{Sentence: "a slow consumer gets every event in order", Gap: noOrder, Check: slowConsumer},
	{Sentence: "a slow consumer that acknowledges gets every event in order, each once", Gap: noOrder, Check: slowAcknowledging},
	{Sentence: "AckWait begins when the event is handed over", Gap: noRedelivery, Check: ackDeadline},
	{Sentence: "an event that is given up does not hold up the next", Gap: noRetryLimit, Check: givenUp},
	{Sentence: "an acknowledgement counts after others of the topic were given up", Gap: noRedelivery, Check: ackOutOfOrder},
	{Sentence: "after Close neither Publish nor Consume succeeds", Gap: noClose, Check: closed},
	{Sentence: "Close may be repeated", Gap: noClose, Check: closeTwice},
}

func laterOnly(t testing.TB, h Harness) {
	f := setup(t, h)
	f.publish("early")
	time.Sleep(2100 * time.Millisecond) // offsets may be in whole seconds
	since := time.Now()
	f.publish("late")
	f.want("the consumer", f.consume(events.WithOffset(since)), "late")
}

// many are more events than any buffer on the way should hold.
const many = 3000

func slowConsumer(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume()
	all := numbered(many)
	f.publish(all...)
	time.Sleep(f.h.Quiet)
	f.want("the slow consumer", ch, all...)
}

func slowAcknowledging(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume(events.WithAutoAck(false, f.longAckWait()), events.WithGroup(unique("group")))
	all := numbered(many)
	f.publish(all...)
	time.Sleep(f.h.Quiet)
	for i, want := range all {
		e := f.next(ch)
		if string(e.Payload) != want {
			t.Fatalf("event %d is %q, want %q", i, e.Payload, want)
		}
		if err := e.Ack(); err != nil {
			t.Fatalf("Ack: %v", err)
		}
	}
	f.quiet("the slow consumer", ch)
}

// longAckWait is enough for an acknowledgement on a machine that stalls.
func (f *fixture) longAckWait() time.Duration { return max(f.h.AckWait, 30*time.Second) }

func ackDeadline(t testing.TB, h Harness) {
	f := setup(t, h)
	wait := max(f.h.AckWait, 2*time.Second)
	ch := f.consume(events.WithAutoAck(false, wait), events.WithGroup(unique("group")))
	all := numbered(5)
	f.publish(all...)
	time.Sleep(2 * wait) // nobody reads for longer than AckWait
	for _, want := range all {
		e := f.next(ch)
		if string(e.Payload) != want {
			t.Errorf("got %q, want %q", e.Payload, want)
		}
		if err := e.Ack(); err != nil {
			t.Errorf("Ack: %v", err)
		}
	}
	time.Sleep(wait)
	f.quiet("the consumer", ch)
}

func givenUp(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume(events.WithAutoAck(false, f.h.AckWait), events.WithRetryLimit(0), events.WithGroup(unique("group")))
	all := numbered(20)
	f.publish(all...)
	for _, want := range all { // none is acknowledged
		if e := f.next(ch); string(e.Payload) != want {
			t.Errorf("got %q, want %q", e.Payload, want)
		}
	}
}

func ackOutOfOrder(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume(events.WithAutoAck(false, 2*f.h.AckWait+time.Second), events.WithGroup(unique("group")))
	f.publish("refused", "done")
	first, second := f.next(ch), f.next(ch)
	if err := second.Ack(); err != nil {
		t.Errorf("Ack: %v", err)
	}
	again := f.next(ch)
	if again.ID != first.ID {
		t.Errorf("%q came again, want %q", again.Payload, first.Payload)
	}
	if err := again.Ack(); err != nil {
		t.Errorf("Ack: %v", err)
	}
}

func closed(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume()
	if err := f.Stream.(io.Closer).Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := f.Publish(f.topic, "x"); err == nil {
		t.Errorf("Publish succeeds")
	}
	if _, err := f.Consume(f.topic); err == nil {
		t.Errorf("Consume succeeds")
	}
	f.quiet("the consumer", ch)
}

func closeTwice(t testing.TB, h Harness) {
	f := setup(t, h)
	for range 3 {
		if err := f.Stream.(io.Closer).Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}

// collect reads until every payload was there, and returns how many came twice.
func (f *fixture) collect(want []string, chans ...<-chan events.Event) (doubles int) {
	f.Helper()
	missing := map[string]bool{}
	for _, payload := range want {
		missing[payload] = true
	}
	arrived := make(chan events.Event)
	done := make(chan struct{})
	defer close(done)
	for _, ch := range chans {
		go func() {
			for {
				select {
				case e := <-ch:
					select {
					case arrived <- e:
					case <-done:
						return
					}
				case <-done:
					return
				}
			}
		}()
	}
	limit := time.After(f.h.Patience + f.h.Settle)
	for len(missing) > 0 {
		select {
		case e := <-arrived:
			if !missing[string(e.Payload)] {
				doubles++
			}
			delete(missing, string(e.Payload))
			if err := e.Ack(); err != nil {
				f.Errorf("Ack: %v", err)
			}
		case <-limit:
			f.Fatalf("%d of %d events did not arrive", len(missing), len(want))
		}
	}
	return doubles
}
