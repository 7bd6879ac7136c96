// Package eventstest checks that an event stream keeps the rules every stream
// keeps.
//
// A driver runs it in a test of its own:
//
//	func TestConformance(t *testing.T) {
//		eventstest.Run(t, eventstest.Harness{
//			New: func(t testing.TB) events.Stream { … },
//			Settle: 100 * time.Millisecond,
//		})
//	}
//
// [RunStore] does the same for event stores.
package eventstest

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/internal/conformance"
)

// Harness tells the suite how to use a stream and what it cannot do.
type Harness struct {
	// New returns a stream that is ready for use; the harness closes it, by
	// t.Cleanup if need be. All streams of a harness share one backend, so that
	// they reach each other, unless NoSharing is set. The backend may be used by
	// others: topics and groups are unique.
	New func(t testing.TB) events.Stream
	// Outage returns a stream on a backend that the rule can take away from it
	// and give back. Nil: the rules about it are skipped.
	Outage func(t testing.TB) (s events.Stream, begin, end func())
	// Inject puts bytes that are no event into a topic, as a foreign program
	// does. Nil: the rules about it are skipped.
	Inject func(t testing.TB, topic string, data []byte)
	// Settle is how long a new consumption may take to get events. Zero: none.
	Settle time.Duration
	// Quiet is how long to watch that nothing (more) is delivered. Zero: 50ms.
	Quiet time.Duration
	// AckWait is the shortest AckWait the backend can do. Zero: 50ms.
	AckWait time.Duration
	// Simulated: the streams live in this process and wait for timers and
	// each other alone. Each rule is checked in the simulated time of a synctest
	// bubble, so that New must make all that it returns.
	Simulated bool
	// Patience is how long to wait for an event. Zero: 20s, which is for
	// machines that stall.
	Patience time.Duration

	// NoSharing: streams of their own do not reach each other.
	NoSharing bool
	// NoDurableGroups: a group is forgotten when its last consumer leaves.
	NoDurableGroups bool
	// NoClose: streams are no io.Closer.
	NoClose bool
	// NoReplay: WithOffset has no effect.
	NoReplay bool
	// NoRedelivery: unacknowledged events do not come again.
	NoRedelivery bool
	// NoRetryLimit: WithRetryLimit has no effect.
	NoRetryLimit bool
	// NoOrder: events may arrive in another order than they were published in.
	NoOrder bool
	// NoContext: a consumption does not end with its context.
	NoContext bool
	// NoOddTopics: topics and groups are limited to letters, digits and '-'.
	NoOddTopics bool
}

// Run checks all rules for streams. Rules mostly wait, so that several are checked
// at once.
func Run(t *testing.T, h Harness) {
	if h.Simulated {
		conformance.RunSimulated(t, h, rules)
		return
	}
	conformance.RunParallel(t, h, rules)
}

func gap[H any](name string, declared func(H) bool) func(H) string {
	return func(h H) string {
		if declared(h) {
			return name
		}
		return ""
	}
}

// fixture is a stream and a topic of the rule's own.
type fixture struct {
	testing.TB
	events.Stream
	h     Harness
	topic string
}

func setup(t testing.TB, h Harness) *fixture {
	if h.Quiet <= 0 {
		h.Quiet = 50 * time.Millisecond
	}
	if h.AckWait <= 0 {
		h.AckWait = 50 * time.Millisecond
	}
	if h.Patience <= 0 {
		h.Patience = 20 * time.Second
	}
	return &fixture{TB: t, Stream: h.New(t), h: h, topic: unique("topic")}
}

func unique(what string) string { return what + "-" + uuid.NewString()[:8] }

// consume starts a consumption that ends with the rule.
func (f *fixture) consume(opts ...events.ConsumeOption) <-chan events.Event {
	f.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	f.Cleanup(cancel)
	ch, err := f.Consume(f.topic, append([]events.ConsumeOption{events.WithContext(ctx)}, opts...)...)
	if err != nil {
		f.Fatalf("Consume(%q): %v", f.topic, err)
	}
	time.Sleep(f.h.Settle)
	return ch
}

func (f *fixture) publish(messages ...string) {
	f.Helper()
	for _, m := range messages {
		if err := f.Publish(f.topic, []byte(m)); err != nil {
			f.Fatalf("Publish(%q): %v", f.topic, err)
		}
	}
}

// next returns the next event, and fails when there is none.
func (f *fixture) next(ch <-chan events.Event) events.Event {
	f.Helper()
	select {
	case e := <-ch:
		return e
	case <-time.After(f.h.Patience + f.h.Settle):
		f.Fatalf("no event arrived")
		panic("unreachable")
	}
}

// want reads as many events as payloads, compares, and sees that there is no
// other.
func (f *fixture) want(what string, ch <-chan events.Event, payloads ...string) {
	f.Helper()
	var got []string
	for range payloads {
		select {
		case e := <-ch:
			got = append(got, string(e.Payload))
		case <-time.After(f.h.Patience + f.h.Settle):
			f.Fatalf("%s: got %s, and then no more of %s", what, brief(got), brief(payloads))
		}
	}
	if f.h.NoOrder {
		slices.Sort(got)
		payloads = slices.Sorted(slices.Values(payloads))
	}
	if !slices.Equal(got, payloads) {
		f.Errorf("%s: got %s, want %s", what, brief(got), brief(payloads))
	}
	f.quiet(what, ch)
}

// quiet sees that no event arrives for a while.
func (f *fixture) quiet(what string, chans ...<-chan events.Event) {
	f.Helper()
	time.Sleep(f.h.Quiet)
	for _, ch := range chans {
		select {
		case e := <-ch:
			f.Errorf("%s: got %q too", what, e.Payload)
		default:
		}
	}
}

func brief(list []string) string {
	if len(list) <= 12 {
		return fmt.Sprintf("%q", list)
	}
	return fmt.Sprintf("%d events: %q …", len(list), list[:12])
}

func numbered(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("%04d", i)
	}
	return out
}
