package mdns_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/mdns"
)

// heavy is a value that takes memory.
type heavy int

func (h heavy) Size() int { return int(h) }

// counting returns an engine whose texts decode to values of a size, and how many
// were decoded.
func (h *host) counting(t testing.TB, size int) (*mdns.Engine, *atomic.Int64) {
	decoded := new(atomic.Int64)
	e := mdns.New(mdns.Config{Domain: "test", Network: h, Warnf: t.Logf, Decode: func(text []string) (string, any, error) {
		decoded.Add(1)
		service, _, err := decode(text)
		return service, heavy(size), err
	}})
	t.Cleanup(func() { e.Close() })
	return e, decoded
}

// flood has h receive announcements of n nodes of a service.
func (h *host) flood(t testing.TB, service string, n int) {
	t.Helper()
	for i := range n {
		instance := node(service, fmt.Sprint("n", i), fmt.Sprint(i))
		instance.TTL = 3600
		h.inject(t, mdns.Announcement(&instance))
		if i%100 == 0 {
			synctest.Wait()
		}
	}
	synctest.Wait()
}

func TestWhatNobodyWantsIsNeitherDecodedNorKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		h := w.host()
		e, decoded := h.counting(t, 1)
		lookup(t, e, "wanted")
		h.flood(t, "foreign", 100)
		if n := decoded.Load(); n != 0 || e.Stats().Entries != 0 || e.Stats().Unwanted != 100 {
			t.Errorf("decoded %d, %+v", n, e.Stats())
		}
		h.flood(t, "wanted", 100)
		if n := decoded.Load(); n != 100 || e.Stats().Entries != 100 {
			t.Errorf("of what is wanted it decoded %d, %+v", n, e.Stats())
		}
	})
}

func TestANameThatIsWantedLaterIsFoundAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server, client := w.host().engine(t), w.host().engine(t)
		lookup(t, client, "other")
		publish(t, server, node("late", "n1", "a"))
		synctest.Wait() // the client has heard of it, and has no use for it
		if got := lookup(t, client, "late"); got != "n1" {
			t.Errorf("found %q", got)
		}
	})
}

func TestANodeWhoseNameHasDotsIsOfEveryServiceItMayBeOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(wire).host()
		e, decoded := h.counting(t, 1)
		lookup(t, e, "com.example.shop")
		instance := node("com.example.shop", "shop-1.host", "a")
		instance.TTL = 120
		h.inject(t, mdns.Announcement(&instance))
		synctest.Wait()
		if got := lookup(t, e, "com.example.shop"); got != "shop-1.host" || decoded.Load() != 1 {
			t.Errorf("found %q, decoded %d", got, decoded.Load())
		}
	})
}

func TestTheCacheIsBoundedInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(wire).host()
		e, _ := h.counting(t, 1<<20)
		lookup(t, e, "flood")
		h.flood(t, "flood", 200)
		if n := e.Stats().Entries; n == 0 || n > 64 {
			t.Errorf("%d entries of 1 MiB", n)
		}
		if e.Stats().Refused == 0 {
			t.Errorf("nothing was refused: %+v", e.Stats())
		}
		time.Sleep(2 * time.Hour) // until all are forgotten
		lookup(t, e, "flood")
		h.flood(t, "flood", 10)
		if n := e.Stats().Entries; n != 10 {
			t.Errorf("%d of 10 entries after the flood", n)
		}
	})
}

func TestAWatcherThatDoesNotReadHoldsABoundedNumberOfBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(wire).host()
		e, _ := h.counting(t, 1<<20)
		w := watch(t, e, "flood")
		h.flood(t, "flood", 60)
		got := news(w, time.Second)
		if len(got) == 0 || len(got) > 16 || got[len(got)-1] != "+n59" {
			t.Errorf("%d events of 1 MiB waited, the last is %q", len(got), got[len(got)-1:])
		}
	})
}

func TestOneMessageHasAFewTextsDecoded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(wire).host()
		e, decoded := h.counting(t, 1)
		lookup(t, e, "bomb")
		msg := &mdns.Message{Response: true}
		for i := range 200 {
			instance := node("bomb", fmt.Sprint("n", i), fmt.Sprint(i))
			instance.TTL = 120
			msg.Answers = append(msg.Answers, mdns.Announcement(&instance).Answers...)
		}
		h.inject(t, msg)
		synctest.Wait()
		if n := decoded.Load(); n == 0 || n > 16 {
			t.Errorf("decoded %d texts of one message", n)
		}
	})
}

func TestANameIsAnsweredOnceWhateverItsCase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		h, asker := w.host(), w.host()
		e := h.engine(t)
		publish(t, e, node("greeter", "n1", "a"))
		time.Sleep(10 * time.Second) // announced
		before := len(w.messages(func(s sent) bool { return s.from == h }))
		query := &mdns.Message{ID: 1}
		for i := range 8 {
			name := strings.ToUpper("greeter"[:i]) + "greeter"[i:] + ".test."
			query.Questions = append(query.Questions,
				mdns.Question{Name: name, Type: mdns.TypePTR, Class: mdns.ClassINET},
				mdns.Question{Name: name, Type: mdns.TypePTR, Class: mdns.ClassINET | 1<<15})
		}
		data, err := query.Pack()
		if err != nil {
			t.Fatal(err)
		}
		h.receive(mdns.Packet{Data: data, From: netip.AddrPortFrom(asker.ip, 4321)})
		time.Sleep(time.Second)
		if n := len(w.messages(func(s sent) bool { return s.from == h })) - before; n != 1 {
			t.Errorf("%d answers to one name in many spellings", n)
		}
	})
}
