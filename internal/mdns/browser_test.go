package mdns_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/mdns"
)

// took returns how long f takes.
func took(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}

func TestFirstLookupEndsWhenTheAnswersAreIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		publish(t, w.host().engine(t), node("greeter", "n1", "a"))
		publish(t, w.host().engine(t), node("greeter", "n2", "b"))
		time.Sleep(time.Minute)
		e := w.host().engine(t)
		var got string
		elapsed := took(func() { got = lookup(t, e, "greeter") })
		if got != "n1 n2" {
			t.Errorf("found %q", got)
		}
		if elapsed >= mdns.DefaultWindow {
			t.Errorf("took %v, the whole window", elapsed)
		}
	})
}

func TestLookupWaitsForNodesThatAnswerLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		slow := w.host()
		publish(t, w.host().engine(t), node("greeter", "n1", "a"))
		publish(t, slow.engine(t), node("greeter", "n2", "b"))
		time.Sleep(time.Minute)
		w.setFilter(func(s sent, _ *host) (bool, time.Duration) {
			if s.how == "reply" && s.from == slow {
				return false, 20 * time.Millisecond
			}
			return false, 0
		})
		if got := lookup(t, w.host().engine(t), "greeter"); got != "n1 n2" {
			t.Errorf("found %q", got)
		}
	})
}

func TestUnknownNameTakesTheWholeWindowAndIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := new(wire).host().engine(t)
		for range 2 {
			var got string
			elapsed := took(func() { got = lookup(t, e, "nobody") })
			if got != "" || elapsed != mdns.DefaultWindow {
				t.Errorf("found %q after %v", got, elapsed)
			}
		}
	})
}

func TestLaterLookupsAskNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		publish(t, w.host().engine(t), node("greeter", "n1", "a"))
		e := w.host().engine(t)
		lookup(t, e, "greeter")
		before := len(w.messages(asks))
		elapsed := took(func() {
			for range 1000 {
				if got := lookup(t, e, "greeter"); got != "n1" {
					t.Fatalf("found %q", got)
				}
			}
		})
		if elapsed != 0 || len(w.messages(asks)) != before {
			t.Errorf("took %v and %d questions", elapsed, len(w.messages(asks))-before)
		}
	})
}

func TestLostQuestionIsAskedAgainInTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server := w.host()
		publish(t, server.engine(t), node("greeter", "n1", "a"))
		time.Sleep(time.Minute)
		lost := 0
		w.setFilter(func(s sent, to *host) (bool, time.Duration) {
			if s.how == "ask" && to == server && lost < 2 {
				lost++
				return true, 0
			}
			return false, 0
		})
		if got := lookup(t, w.host().engine(t), "greeter"); got != "n1" {
			t.Errorf("found %q after losing %d questions", got, lost)
		}
	})
}

func TestNodeWhoseAnswerWasLostIsFoundSoonAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		unlucky := w.host()
		publish(t, w.host().engine(t), node("greeter", "n1", "a"))
		publish(t, unlucky.engine(t), node("greeter", "n2", "b"))
		time.Sleep(time.Minute)
		lost := false
		w.setFilter(func(s sent, _ *host) (bool, time.Duration) {
			drop := s.how == "reply" && s.from == unlucky && !lost
			lost = lost || drop
			return drop, 0
		})
		e := w.host().engine(t)
		if got := lookup(t, e, "greeter"); got != "n1" {
			t.Fatalf("found %q at first", got)
		}
		time.Sleep(2 * time.Second)
		if got := lookup(t, e, "greeter"); got != "n1 n2" {
			t.Errorf("found %q two seconds later", got)
		}
	})
}

func TestBusyMachineGetsMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		publish(t, w.host().engine(t), node("greeter", "n1", "a"))
		time.Sleep(time.Minute)
		w.setFilter(func(sent, *host) (bool, time.Duration) { return false, 80 * time.Millisecond })
		if got := lookup(t, w.host().engine(t), "greeter"); got != "n1" {
			t.Errorf("found %q though the questions came back late", got)
		}
	})
}

func TestCrashedNodeDisappearsWithinItsTTL(t *testing.T) {
	for _, ttl := range []uint32{5, 90, 120} {
		synctest.Test(t, func(t *testing.T) {
			w := new(wire)
			server := w.host()
			i := node("greeter", "n1", "a")
			i.TTL = ttl
			publish(t, server.engine(t), i)
			e := w.host().engine(t)
			if got := lookup(t, e, "greeter"); got != "n1" {
				t.Fatalf("found %q", got)
			}
			time.Sleep(time.Hour)
			if got := lookup(t, e, "greeter"); got != "n1" {
				t.Fatalf("found %q after an hour without trouble", got)
			}
			server.setCut(true)
			time.Sleep(time.Duration(ttl) * time.Second)
			if got := lookup(t, e, "greeter"); got != "" {
				t.Errorf("TTL %d: found %q after the TTL of a crashed node", ttl, got)
			}
		})
	}
}

func TestNodesInUseAreNeverMissed(t *testing.T) {
	for _, ttl := range []uint32{2, 10, 120} {
		synctest.Test(t, func(t *testing.T) {
			w := new(wire)
			i := node("greeter", "n1", "a")
			i.TTL = ttl
			publish(t, w.host().engine(t), i)
			e := w.host().engine(t)
			for range 600 {
				if elapsed := took(func() {
					if got := lookup(t, e, "greeter"); got != "n1" {
						t.Fatalf("TTL %d: found %q", ttl, got)
					}
				}); elapsed > mdns.DefaultWindow/2 {
					t.Fatalf("TTL %d: a lookup took %v", ttl, elapsed)
				}
				time.Sleep(700 * time.Millisecond)
			}
		})
	}
}

// What an idle client does is counted while it watches what it has looked up, as a
// registry cache does.
func TestNamesThatAreKeptFreshCostAQuestionAMinuteAndNoDecoding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const services = 200
		w := new(wire)
		crowd(t, w, services)
		var decoded atomic.Int64
		client := w.host()
		e := mdns.New(mdns.Config{Domain: "test", Network: client, Warnf: t.Logf, Decode: func(text []string) (string, any, error) {
			decoded.Add(1)
			return decode(text)
		}})
		defer e.Close()
		if found := lookUpAll(t, e, services); found != services {
			t.Errorf("found %d of %d services", found, services)
		}
		for i := range services {
			defer watch(t, e, fmt.Sprint("s", i)).Stop()
		}
		questions := func() (n int) {
			for _, m := range w.messages(asks) {
				n += len(m.msg.Questions)
			}
			return n
		}
		for minute := range 10 {
			most := services
			if minute == 0 {
				most = 6 * services // after 1, 3, 7, 15 and 31 seconds, or a bit later
			}
			asked, decodedBefore, received := questions(), decoded.Load(), e.Stats().Packets
			time.Sleep(time.Minute)
			asked, received = questions()-asked, e.Stats().Packets-received
			if asked == 0 || asked > most {
				t.Errorf("minute %d: %d questions, want at most %d", minute, asked, most)
			}
			if received > uint64(asked+services/10) { // some answer a question of the minute before
				t.Errorf("minute %d: %d packets were looked at for %d questions", minute, received, asked)
			}
			if n := decoded.Load() - decodedBefore; n > 0 {
				t.Errorf("minute %d: %d descriptions that were known were decoded again", minute, n)
			}
		}
	})
}

func TestNamesNobodyWantsAreNoLongerAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server := w.host().engine(t)
		publish(t, server, node("greeter", "n1", "a"))
		client := w.host()
		e := client.engine(t)
		publish(t, e, node("other", "o1", "a")) // keeps the engine open
		lookup(t, e, "greeter")
		time.Sleep(time.Hour)
		from := time.Now()
		time.Sleep(time.Hour)
		if n := len(w.messages(func(s sent) bool { return asks(s) && s.at.After(from) })); n > 0 {
			t.Errorf("%d questions in an hour, long after the only lookup", n)
		}
	})
}

func TestKnownNameGoneEmptyIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server, client := w.host(), w.host()
		i := node("greeter", "n1", "a")
		i.TTL = 5
		publish(t, server.engine(t), i)
		e := client.engine(t)
		lookup(t, e, "greeter")
		server.setCut(true)
		time.Sleep(10 * time.Second)
		if got := lookup(t, e, "greeter"); got != "" {
			t.Fatalf("found %q while the link was cut", got)
		}
		server.setCut(false)
		if got := lookup(t, e, "greeter"); got != "n1" {
			t.Errorf("found %q after the link was healed", got)
		}
	})
}

func TestLookupEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := new(wire).host().engine(t)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		elapsed := took(func() {
			if _, err := e.Lookup(ctx, "nobody", 0); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error is %v", err)
			}
			if _, err := e.Services(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error is %v", err)
			}
		})
		if elapsed != 10*time.Millisecond {
			t.Errorf("took %v", elapsed)
		}
	})
}

func TestAbandonedQuestionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(wire).host()
		e := h.engine(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := e.Lookup(ctx, "nobody", time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
		time.Sleep(10 * time.Second)
		if h.isOpen() {
			t.Error("an hour's window keeps the engine open though nobody waits")
		}
	})
}

func TestLongWindowDoesNotDelayAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		publish(t, w.host().engine(t), node("greeter", "n1", "a"))
		time.Sleep(time.Minute)
		e := w.host().engine(t)
		elapsed := took(func() {
			if entries, err := e.Lookup(t.Context(), "greeter", time.Minute); err != nil || len(entries) != 1 {
				t.Errorf("found %d: %v", len(entries), err)
			}
		})
		if elapsed > time.Second {
			t.Errorf("took %v", elapsed)
		}
	})
}

func TestServicesOfAllMachinesAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		for _, name := range []string{"a", "b.c", "d"} {
			publish(t, w.host().engine(t), node(name, "n-"+name, "x"))
		}
		e := w.host().engine(t)
		publish(t, e, node("own", "n1", "x"))
		var names []string
		elapsed := took(func() { names, _ = e.Services(t.Context(), 0) })
		if want := []string{"a", "b.c", "d", "own"}; !equal(names, want) {
			t.Errorf("listed %q, want %q", names, want)
		}
		if elapsed != mdns.DefaultWindow {
			t.Errorf("took %v", elapsed)
		}
	})
}

func TestAListJustAfterAnotherIsWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		publish(t, w.host().engine(t), node("a", "n1", "x"))
		publish(t, w.host().engine(t), node("b", "n1", "x"))
		one, other := w.host().engine(t), w.host().engine(t)
		for _, e := range []*mdns.Engine{one, one, other, one} {
			if names, err := e.Services(t.Context(), 0); err != nil || !equal(names, []string{"a", "b"}) {
				t.Errorf("listed %q: %v", names, err)
			}
		}
	})
}

func equal(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
