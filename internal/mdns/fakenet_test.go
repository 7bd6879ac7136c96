package mdns_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mdns"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// wire is a network in memory. Packets arrive at once unless a filter says otherwise.
type wire struct {
	mu    sync.Mutex
	hosts []*host
	log   []sent
	// filter decides the fate of each copy: dropped, or delivered after a delay.
	filter func(s sent, to *host) (drop bool, delay time.Duration)
}

// sent is a message that was sent, and how.
type sent struct {
	at   time.Time
	from *host
	how  string // ask, announce or reply
	msg  *mdns.Message
	data []byte
}

// host is a machine on a wire. It implements mdns.Network.
type host struct {
	wire    *wire
	ip      netip.Addr
	ask     netip.AddrPort
	inbox   chan mdns.Packet // nil while closed
	cut     bool
	changed bool
	opens   int
	sendErr error

	sendTakes time.Duration // set before the host is used
}

func (w *wire) host() *host {
	w.mu.Lock()
	defer w.mu.Unlock()
	ip := netip.AddrFrom4([4]byte{10, 0, 0, byte(len(w.hosts) + 1)})
	h := &host{wire: w, ip: ip, ask: netip.AddrPortFrom(ip, 40000)}
	w.hosts = append(w.hosts, h)
	return h
}

// messages returns what was sent, filtered.
func (w *wire) messages(want func(sent) bool) []sent {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []sent
	for _, s := range w.log {
		if want(s) {
			out = append(out, s)
		}
	}
	return out
}

func (h *host) Open(deliver func(mdns.Packet)) (mdns.Link, error) {
	h.wire.mu.Lock()
	defer h.wire.mu.Unlock()
	inbox, done := make(chan mdns.Packet, 1<<16), make(chan struct{})
	h.inbox = inbox
	h.opens++
	go func() {
		defer close(done)
		for p := range inbox {
			deliver(p)
		}
	}()
	return &fakeLink{host: h, inbox: inbox, done: done}, nil
}

// fakeLink is one opening of a host's link.
type fakeLink struct {
	*host
	inbox chan mdns.Packet
	done  chan struct{} // closed when the inbox has been emptied for good
}

func (l *fakeLink) Close() error {
	l.wire.mu.Lock()
	if l.host.inbox == l.inbox {
		l.host.inbox = nil
	}
	close(l.inbox)
	l.wire.mu.Unlock()
	<-l.done
	return nil
}

func (h *host) isOpen() bool {
	h.wire.mu.Lock()
	defer h.wire.mu.Unlock()
	return h.inbox != nil
}

func (w *wire) setFilter(f func(s sent, to *host) (drop bool, delay time.Duration)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.filter = f
}

func (h *host) setCut(cut bool) {
	h.wire.mu.Lock()
	defer h.wire.mu.Unlock()
	h.cut = cut
}

func (h *host) Refresh() bool {
	h.wire.mu.Lock()
	defer h.wire.mu.Unlock()
	changed := h.changed
	h.changed = false
	return changed
}

func (h *host) Ask(data []byte) error { return h.send("ask", data, h.ask, netip.AddrPort{}) }
func (h *host) Announce(data []byte) error {
	return h.send("announce", data, netip.AddrPortFrom(h.ip, mdns.Port), netip.AddrPort{})
}
func (h *host) Reply(data []byte, to netip.AddrPort) error {
	return h.send("reply", data, netip.AddrPortFrom(h.ip, mdns.Port), to)
}

func (h *host) send(how string, data []byte, from, to netip.AddrPort) error {
	msg, err := mdns.Unpack(data)
	if err != nil {
		return fmt.Errorf("sent a malformed message: %w", err)
	}
	time.Sleep(h.sendTakes)
	w := h.wire
	w.mu.Lock()
	defer w.mu.Unlock()
	if h.sendErr != nil {
		return h.sendErr
	}
	s := sent{at: time.Now(), from: h, how: how, msg: msg, data: data}
	w.log = append(w.log, s)
	for _, receiver := range w.hosts {
		if receiver.inbox == nil || (receiver != h && (receiver.cut || h.cut)) || (to.IsValid() && to != receiver.ask) {
			continue
		}
		drop, delay := false, time.Duration(0)
		if w.filter != nil {
			drop, delay = w.filter(s, receiver)
		}
		switch packet := (mdns.Packet{Data: data, From: from}); {
		case drop:
		case delay == 0:
			receiver.inbox <- packet
		default:
			time.AfterFunc(delay, func() { receiver.receive(packet) })
		}
	}
	return nil
}

func (h *host) receive(p mdns.Packet) {
	h.wire.mu.Lock()
	defer h.wire.mu.Unlock()
	if h.inbox != nil {
		h.inbox <- p
	}
}

// inject makes h receive a message out of nowhere.
func (h *host) inject(t testing.TB, msg *mdns.Message) {
	t.Helper()
	data, err := msg.Pack()
	if err != nil {
		t.Fatalf("pack: %v", err)
	}
	h.receive(mdns.Packet{Data: data, From: netip.MustParseAddrPort("10.9.9.9:5353")})
}

// decode reads the texts of these tests: "SERVICE=VALUE".
func decode(text []string) (string, any, error) {
	service, value, ok := strings.Cut(strings.Join(text, ""), "=")
	if !ok {
		return "", nil, errors.New("no = in the text")
	}
	return service, value, nil
}

// engine returns an engine on h that is closed with the test.
func (h *host) engine(t testing.TB) *mdns.Engine {
	e := mdns.New(mdns.Config{Domain: "test", Decode: decode, Network: h, Warnf: t.Logf})
	t.Cleanup(func() { e.Close() })
	return e
}

// node returns an instance of a service.
func node(service, name, value string) mdns.Instance {
	return mdns.Instance{
		Name: name, Service: service, Domain: "test.", Host: "box.", Port: 8080,
		IPs: []netip.Addr{netip.MustParseAddr("10.1.1.1")}, Text: []string{service + "=" + value},
	}
}

func publish(t testing.TB, e *mdns.Engine, i mdns.Instance) {
	t.Helper()
	if err := e.Publish(t.Context(), i, i.Text[0]); err != nil {
		t.Fatalf("publish %s: %v", i.Name, err)
	}
}

// lookup returns the names found, sorted and joined.
func lookup(t testing.TB, e *mdns.Engine, service string) string {
	t.Helper()
	entries, err := e.Lookup(t.Context(), service, 0)
	if err != nil {
		t.Fatalf("look up %s: %v", service, err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func asks(s sent) bool      { return s.how == "ask" }
func announces(s sent) bool { return s.how == "announce" }
