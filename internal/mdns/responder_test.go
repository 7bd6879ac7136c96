package mdns_test

import (
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/mdns"
)

// golden is an instance whose messages are known byte for byte.
func golden() *mdns.Instance {
	return &mdns.Instance{
		Name: "greeter-1", Service: "greeter", Domain: "micro.", Host: "box.", Port: 8080, TTL: 120,
		IPs:  []netip.Addr{netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")},
		Text: []string{"aa", "bb"},
	}
}

const (
	goldenAnnouncement = "00008000000000040000000009677265657465722d310767726565746572056d6963726f000021000100000078000b000a00011f9003626f780003626f780000010001000000780004c000020703626f7800001c000100000078001020010db800000000000000000000000709677265657465722d310767726565746572056d6963726f0000100001000000780006026161026262"
	goldenReply        = "0000840000010005000000000767726565746572056d6963726f00000c0001c00c000c000100000078000c09677265657465722d31c00cc02b0021000100000078000b000a00011f9003626f7800c04900010001000000780004c0000207c049001c000100000078001020010db8000000000000000000000007c02b00100001000000780006026161026262"
	goldenList         = "000084000001000400000000095f7365727669636573056d6963726f00000c0001c00c000c000100000078000a0767726565746572c00cc02d0021000100000078000b000a0001270f03626f7800c0490001000100000078000400000000c02d00100001000000780000"
)

func packed(t *testing.T, msg *mdns.Message) string {
	t.Helper()
	datagrams, err := msg.Datagrams()
	if err != nil || len(datagrams) != 1 {
		t.Fatalf("packed into %d datagrams: %v", len(datagrams), err)
	}
	return hex.EncodeToString(datagrams[0])
}

func TestAnnouncementsHaveTheBytesOfV4(t *testing.T) {
	if got := packed(t, mdns.Announcement(golden())); got != goldenAnnouncement {
		t.Errorf("announcement is\n%s, want\n%s", got, goldenAnnouncement)
	}
}

func TestRepliesHaveTheBytesOfV4(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		e := mdns.New(mdns.Config{Domain: "micro", Decode: decode, Network: w.host()})
		defer e.Close()
		if err := e.Publish(t.Context(), *golden(), nil); err != nil {
			t.Fatal(err)
		}
		asker := w.host()
		for name, want := range map[string]string{"greeter.micro.": goldenReply, "_services.micro.": goldenList} {
			if err := asker.Ask(must(mdns.NewQuery(name, mdns.TypePTR, false).Pack())); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			time.Sleep(time.Second)
			replies := w.messages(func(s sent) bool { return s.how == "reply" && s.msg.Questions[0].Name == name })
			if len(replies) != 1 {
				t.Fatalf("%d replies to the question for %s", len(replies), name)
			}
			if got := hex.EncodeToString(replies[0].data); got != want {
				t.Errorf("reply is\n%s, want\n%s", got, want)
			}
		}
	})
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

func TestANodeIsAnnouncedThreeTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		start := time.Now()
		publish(t, w.host().engine(t), node("greeter", "n1", "a"))
		time.Sleep(time.Hour)
		var at []time.Duration
		for _, s := range w.messages(announces) {
			at = append(at, s.at.Sub(start))
		}
		if len(at) != 3 || at[0] != 0 || at[1] != time.Second || at[2] != 3*time.Second {
			t.Errorf("announced at %v", at)
		}
	})
}

func TestEveryMessageCarriesOneNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		e := w.host().engine(t)
		for _, name := range []string{"n1", "n2", "n3"} {
			publish(t, e, node("greeter", name, "x"))
		}
		lookup(t, w.host().engine(t), "greeter")
		for _, s := range w.messages(func(s sent) bool { return s.msg.Response }) {
			if n := len(mdns.ReadSightings(s.msg)); n != 1 {
				t.Errorf("%s with %d nodes", s.how, n)
			}
		}
	})
}

func TestGoodbyeRemovesTheNodeAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server := w.host().engine(t)
		publish(t, server, node("greeter", "n1", "a"))
		e := w.host().engine(t)
		lookup(t, e, "greeter")
		if !server.Withdraw(t.Context(), "greeter", "n1") {
			t.Error("not published?")
		}
		synctest.Wait()
		if got := lookup(t, e, "greeter"); got != "" {
			t.Errorf("found %q after goodbye", got)
		}
		if server.Withdraw(t.Context(), "greeter", "n1") {
			t.Error("withdrawn twice")
		}
	})
}

func TestReRegisteredNodeIsAnnouncedAtOnce(t *testing.T) {
	change := map[string]func(*mdns.Instance){
		"address":  func(i *mdns.Instance) { i.IPs = []netip.Addr{netip.MustParseAddr("10.1.1.2")} },
		"port":     func(i *mdns.Instance) { i.Port = 9 },
		"metadata": func(i *mdns.Instance) { i.Text = []string{"greeter=changed"} },
	}
	for what, apply := range change {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(wire)
				server, e := w.host().engine(t), w.host().engine(t)
				i := node("greeter", "n1", "a")
				publish(t, server, i)
				lookup(t, e, "greeter")
				apply(&i)
				publish(t, server, i)
				synctest.Wait()
				entries, err := e.Lookup(t.Context(), "greeter", 0)
				if err != nil || len(entries) != 1 {
					t.Fatalf("found %d entries: %v", len(entries), err)
				}
				got := entries[0].Instance
				if got.Port != i.Port || got.IPs[0] != i.IPs[0] || got.Text[0] != i.Text[0] {
					t.Errorf("found %+v, want %+v", got, i)
				}
			})
		})
	}
}

func TestUnchangedNodeIsNotAnnouncedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		e := w.host().engine(t)
		for range 20 {
			publish(t, e, node("greeter", "n1", "a"))
			time.Sleep(30 * time.Second)
		}
		if n := len(w.messages(announces)); n != 3 {
			t.Errorf("announced %d times", n)
		}
	})
}

func TestFiveHundredNodesOpenOneLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		h := w.host()
		server, e := h.engine(t), w.host().engine(t)
		lookup(t, e, "greeter")
		for n := range 500 {
			publish(t, server, node("greeter", "n"+strings.Repeat("x", n%40)+hex.EncodeToString([]byte{byte(n), byte(n >> 8)}), "a"))
		}
		time.Sleep(time.Second)
		if got := len(strings.Fields(lookup(t, e, "greeter"))); got != 500 {
			t.Errorf("found %d nodes", got)
		}
		if h.opens != 1 {
			t.Errorf("opened %d links", h.opens)
		}
	})
}

func TestOwnNodesAreFoundWithoutTheNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		w.setFilter(func(sent, *host) (bool, time.Duration) { return true, 0 })
		e := w.host().engine(t)
		publish(t, e, node("greeter", "n1", "a"))
		if got := lookup(t, e, "greeter"); got != "n1" {
			t.Errorf("found %q", got)
		}
	})
}

func TestGoodbyeInAnothersNameIsContradicted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server, client := w.host(), w.host()
		i := node("greeter", "n1", "a")
		publish(t, server.engine(t), i)
		e := client.engine(t)
		lookup(t, e, "greeter")
		time.Sleep(time.Minute)
		i.TTL = 0
		server.inject(t, mdns.Announcement(&i))
		client.inject(t, mdns.Announcement(&i))
		synctest.Wait()
		time.Sleep(time.Second)
		if got := lookup(t, e, "greeter"); got != "n1" {
			t.Errorf("found %q after a forged goodbye", got)
		}
	})
}

func TestNodesAreAnnouncedOnInterfacesThatCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server := w.host()
		publish(t, server.engine(t), node("greeter", "n1", "a"))
		server.setCut(true)
		e := w.host().engine(t)
		watch, err := e.Watch(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		server.setCut(false)
		w.mu.Lock()
		server.changed = true
		w.mu.Unlock()
		event, err := watch.Next(t.Context())
		if err != nil || event.Entry.Name != "n1" {
			t.Errorf("event %+v, error %v", event, err)
		}
	})
}

func TestIdleEngineClosesItsSockets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(wire).host()
		e := h.engine(t)
		if h.isOpen() {
			t.Error("open before the first use")
		}
		lookup(t, e, "nobody")
		watch, err := e.Watch(t.Context(), "greeter")
		if err != nil {
			t.Fatal(err)
		}
		publish(t, e, node("greeter", "n1", "a"))
		time.Sleep(time.Hour)
		e.Withdraw(t.Context(), "greeter", "n1")
		time.Sleep(time.Hour)
		if !h.isOpen() {
			t.Error("closed in spite of a watcher")
		}
		watch.Stop()
		time.Sleep(10 * time.Second)
		if h.isOpen() {
			t.Error("still open long after the last use")
		}
		publish(t, e, node("greeter", "n1", "a"))
		if !h.isOpen() || lookup(t, e, "greeter") != "n1" {
			t.Error("of no use after it was idle")
		}
	})
}

func TestCloseSaysGoodbyeAndCanBeRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		h := w.host()
		server, e := h.engine(t), w.host().engine(t)
		for _, name := range []string{"n1", "n2"} {
			publish(t, server, node("greeter", name, "a"))
		}
		lookup(t, e, "greeter")
		for range 2 {
			if err := server.Close(); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if got := lookup(t, e, "greeter"); got != "" || h.isOpen() {
			t.Errorf("found %q after Close, open is %v", got, h.isOpen())
		}
	})
}

func TestTextTooLargeForAMessageIsSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := new(wire)
		server, e := w.host().engine(t), w.host().engine(t)
		watch, err := e.Watch(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		i := node("greeter", "n1", "a")
		for range 200 {
			i.Text = append(i.Text, strings.Repeat("x", 250))
		}
		publish(t, server, i)
		event, err := watch.Next(t.Context())
		if err != nil || len(event.Entry.Text) != 201 {
			t.Errorf("event %v, error %v", event.Kind, err)
		}
		if got := lookup(t, w.host().engine(t), "greeter"); got != "n1" {
			t.Errorf("found %q by asking", got)
		}
	})
}

func TestTextTooLargeForADatagramIsAnError(t *testing.T) {
	e := new(wire).host().engine(t)
	i := node("greeter", "n1", "a")
	for range 270 {
		i.Text = append(i.Text, strings.Repeat("x", 250))
	}
	if err := e.Publish(t.Context(), i, nil); !errors.Is(err, mdns.ErrTooLarge) {
		t.Errorf("error is %v", err)
	}
}

func TestNamesThatAreNoLabelsAreAnError(t *testing.T) {
	e := new(wire).host().engine(t)
	for _, name := range []string{"", "a..b", ".a", strings.Repeat("x", 64), strings.Repeat("x.", 130) + "x"} {
		i := node("greeter", name, "a")
		if err := e.Publish(t.Context(), i, nil); !errors.Is(err, mdns.ErrName) {
			t.Errorf("publish %q: error is %v", name, err)
		}
		if _, err := e.Lookup(t.Context(), name, 0); !errors.Is(err, mdns.ErrName) {
			t.Errorf("look up %q: error is %v", name, err)
		}
	}
}

func TestFailedSendsAreLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := new(wire).host()
		h.sendErr = errors.New("network is down")
		var lines atomic.Int32
		e := mdns.New(mdns.Config{Domain: "test", Decode: decode, Network: h, Warnf: func(string, ...any) { lines.Add(1) }})
		defer e.Close()
		publish(t, e, node("greeter", "n1", "a"))
		time.Sleep(30 * time.Second)
		if n := lines.Load(); n != 1 {
			t.Errorf("%d log lines", n)
		}
	})
}
