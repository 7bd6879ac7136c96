package mdns_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/mdns"
)

func watch(t testing.TB, e *mdns.Engine, service string) *mdns.Watch {
	t.Helper()
	w, err := e.Watch(t.Context(), service)
	if err != nil {
		t.Fatalf("watch %q: %v", service, err)
	}
	return w
}

// news returns what happens within a while.
func news(w *mdns.Watch, while time.Duration) []string {
	ctx, cancel := context.WithTimeout(context.Background(), while)
	defer cancel()
	var out []string
	for {
		event, err := w.Next(ctx)
		if err != nil {
			return out
		}
		sign := "+"
		if event.Kind == mdns.Deleted {
			sign = "-"
		}
		out = append(out, sign+event.Entry.Name)
	}
}

func TestWatchersSeeAnnouncementsAndGoodbyes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server, client := w.host().engine(t), w.host().engine(t)
		for _, seen := range []*mdns.Watch{watch(t, client, "greeter"), watch(t, server, ""), watch(t, client, "")} {
			publish(t, server, node("greeter", "n1", "a"))
			if got := news(seen, 500*time.Millisecond); !equal(got[len(got)-1:], []string{"+n1"}) {
				t.Errorf("events %q after publishing", got)
			}
			news(seen, time.Minute)
			server.Withdraw(t.Context(), "greeter", "n1")
			if got := news(seen, time.Minute); !equal(got, []string{"-n1"}) {
				t.Errorf("events %q after withdrawing", got)
			}
		}
		other := watch(t, client, "other")
		publish(t, server, node("greeter", "n1", "a"))
		if got := news(other, time.Minute); len(got) > 0 {
			t.Errorf("events %q of another service", got)
		}
	})
}

func TestWatchersAreToldOfNodesThatExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		h := w.host()
		seen := watch(t, w.host().engine(t), "")
		publish(t, h.engine(t), node("greeter", "n1", "a"))
		news(seen, time.Minute)
		h.setCut(true)
		if got := news(seen, 3*time.Minute); !equal(got, []string{"-n1"}) {
			t.Errorf("events %q after a crash", got)
		}
	})
}

func TestWatchedNodesStayAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		seen := watch(t, w.host().engine(t), "")
		publish(t, w.host().engine(t), node("greeter", "n1", "a"))
		news(seen, time.Minute)
		if got := news(seen, time.Hour); len(got) > 0 {
			t.Errorf("events %q though nothing happened", got)
		}
	})
}

func TestSlowWatcherLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		seen := watch(t, w.host().engine(t), "")
		server := w.host().engine(t)
		var want []string
		for n := range 200 {
			publish(t, server, node("greeter", fmt.Sprintf("n%03d", n), "a"))
			want = append(want, fmt.Sprintf("+n%03d", n))
		}
		time.Sleep(500 * time.Millisecond)
		if got := news(seen, time.Millisecond); !equal(got, want) {
			t.Errorf("%d events, want %d in order", len(got), len(want))
		}
	})
}

func TestStopEndsNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := new(wire).host().engine(t)
		for _, stop := range []func(*mdns.Watch){
			func(w *mdns.Watch) { w.Stop(); w.Stop() },
			func(*mdns.Watch) { e.Close() },
		} {
			w := watch(t, e, "greeter")
			failed := make(chan error, 2)
			for range 2 {
				go func() {
					_, err := w.Next(context.Background())
					failed <- err
				}()
			}
			synctest.Wait()
			stop(w)
			for range 2 {
				if err := <-failed; !errors.Is(err, mdns.ErrStopped) {
					t.Errorf("error is %v", err)
				}
			}
		}
	})
}

func TestMissingRecordsAreAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server, h := w.host().engine(t), w.host()
		i := node("greeter", "n1", "a")
		publish(t, server, i)
		time.Sleep(time.Minute)
		seen := watch(t, h.engine(t), "")
		i.Domain, i.TTL = "test.", 120
		partial := mdns.Announcement(&i)
		partial.Answers = partial.Answers[:1]
		h.inject(t, partial)
		if got := news(seen, time.Second); !equal(got, []string{"+n1"}) {
			t.Errorf("events %q", got)
		}
	})
}

func TestBadAnswersAreIgnoredAndCounted(t *testing.T) {
	forge := func(change func(*mdns.Instance)) *mdns.Message {
		i := node("greeter", "bad", "a")
		i.Domain, i.TTL = "test.", 120
		change(&i)
		return mdns.Announcement(&i)
	}
	cases := map[string]struct {
		msg   *mdns.Message
		count func(mdns.Stats) uint64
	}{
		"a foreign domain": {
			forge(func(i *mdns.Instance) { i.Domain = "local." }),
			func(s mdns.Stats) uint64 { return s.Foreign },
		},
		"a text that does not decode": {
			forge(func(i *mdns.Instance) { i.Text = []string{"nonsense"} }),
			func(s mdns.Stats) uint64 { return s.Rejected },
		},
		"a text of another service": {
			forge(func(i *mdns.Instance) { i.Text = []string{"other=x"} }),
			func(s mdns.Stats) uint64 { return s.Rejected },
		},
		"records of a node published here": {
			forge(func(i *mdns.Instance) { i.Name, i.Port = "own", 6666 }),
			func(s mdns.Stats) uint64 { return s.Refused },
		},
		"an error response": {
			&mdns.Message{Response: true, Rcode: 2},
			func(s mdns.Stats) uint64 { return s.Malformed },
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := new(wire).host()
				e := h.engine(t)
				publish(t, e, node("greeter", "own", "a"))
				lookup(t, e, "greeter") // others are wanted from now on
				h.inject(t, c.msg)
				synctest.Wait()
				if got := lookup(t, e, "greeter"); got != "own" {
					t.Errorf("found %q", got)
				}
				if entries, _ := e.Lookup(t.Context(), "greeter", 0); entries[0].Port != 8080 {
					t.Errorf("port became %d", entries[0].Port)
				}
				if c.count(e.Stats()) != 1 {
					t.Errorf("counted %+v", e.Stats())
				}
			})
		})
	}
}

func TestMalformedPacketsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(wire).host()
		e := h.engine(t)
		publish(t, e, node("greeter", "own", "a"))
		for _, data := range [][]byte{nil, {1}, make([]byte, 11), append(make([]byte, 5), 0xff, 0xff, 0xc0, 12)} {
			h.receive(mdns.Packet{Data: data, From: netip.MustParseAddrPort("10.0.0.9:5353")})
		}
		synctest.Wait()
		if got := e.Stats().Malformed; got != 4 {
			t.Errorf("counted %d", got)
		}
	})
}

func TestNamesInOtherScriptsDoNoHarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(wire).host()
		e := h.engine(t)
		publish(t, e, node("greeter", "own", "a"))
		for _, name := range []string{"İİİİ", `\255\254`, "KK", "ẞ"} {
			list := node("_services", name, "a")
			list.Domain, list.TTL = "test.", 120
			other := node(name, "n1", "a")
			other.Domain, other.TTL = "test.", 120
			go e.Services(t.Context(), 0)
			go e.Lookup(t.Context(), mdns.UnescapeName(name), 0)
			synctest.Wait()
			h.inject(t, mdns.Announcement(&list))
			h.inject(t, mdns.Announcement(&other))
			synctest.Wait()
		}
		time.Sleep(time.Second)
		names, err := e.Services(t.Context(), 0)
		if err != nil || len(names) < 2 {
			t.Errorf("listed %q: %v", names, err)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		h := w.host()
		e := h.engine(t)
		publish(t, w.host().engine(t), node("wanted", "n1", "a"))
		lookup(t, e, "wanted")
		lookup(t, e, "flood")
		for n := range 17000 {
			i := node("flood", fmt.Sprint("n", n), "a")
			i.Domain, i.TTL = "test.", 3600
			h.inject(t, mdns.Announcement(&i))
			if n%1000 == 0 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if n := e.Stats().Entries; n > 16384 || n < 16000 {
			t.Errorf("%d entries", n)
		}
		if got := lookup(t, e, "wanted"); got != "n1" {
			t.Errorf("found %q after a flood", got)
		}
	})
}
