package mdns

import (
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"

	engine "github.com/justcy/go-micro/v4/internal/mdns"
)

// maxPending bounds the instances whose records are being collected.
const maxPending = 4096

// askAgain separates two questions for the missing records of one instance.
const askAgain = time.Second

// ServiceEntry is an instance of a service that was found.
type ServiceEntry struct {
	Name       string   // full name of the instance
	Host       string   // name of the host it runs on
	AddrV4     net.IP   // nil when none is known
	AddrV6     net.IP   // nil when none is known
	Port       int      // where it listens
	Info       string   // InfoFields joined by "|"
	InfoFields []string // strings of the TXT record
	TTL        int      // of the record read last, in seconds; 0 says goodbye
	Type       uint16   // type of the record that first named the instance

	// Addr is the address read last.
	//
	// Deprecated: use AddrV4 or AddrV6.
	Addr net.IP
}

// pending collects the records of instances from several messages.
type pending struct {
	entries map[string]*partial // by lower-case name
}

// partial is an instance on its way.
type partial struct {
	entry   ServiceEntry
	hasText bool
	asked   time.Time
	sent    bool
}

func newPending() *pending { return &pending{entries: map[string]*partial{}} }

// read takes over a message and returns the instances it touches.
func (p *pending) read(msg *dns.Msg) []*partial {
	var touched []*partial
	for _, g := range sightings(msg) {
		key := strings.ToLower(g.Name)
		e := p.entries[key]
		if e == nil {
			if len(p.entries) >= maxPending {
				clear(p.entries)
			}
			e = &partial{entry: ServiceEntry{Name: g.Name, Type: g.Type}}
			p.entries[key] = e
		}
		e.merge(g)
		touched = append(touched, e)
	}
	return touched
}

func (p *pending) forget(e *partial) { delete(p.entries, strings.ToLower(e.entry.Name)) }

func (e *partial) merge(g *engine.Sighting) {
	e.entry.TTL = int(g.TTL)
	if g.HasSRV {
		e.entry.Host, e.entry.Port = g.Host, int(g.Port)
	}
	if g.HasText {
		e.hasText = true
		e.entry.InfoFields = g.Text
		e.entry.Info = strings.Join(g.Text, "|")
	}
	for _, ip := range g.Addrs {
		e.entry.Addr = ip.AsSlice()
		if ip.Is4() {
			e.entry.AddrV4 = e.entry.Addr
		} else {
			e.entry.AddrV6 = e.entry.Addr
		}
	}
}

// complete reports whether the instance can be used: address, port and TXT are there.
func (e *partial) complete() bool {
	return (e.entry.AddrV4 != nil || e.entry.AddrV6 != nil) && e.entry.Port != 0 && e.hasText
}

// deliverable returns a copy of the entry for the receiver to own.
func (e *partial) deliverable() *ServiceEntry {
	entry := e.entry
	return &entry
}

// mayAsk reports whether it is time to ask for e's missing records.
func (e *partial) mayAsk(now time.Time) bool {
	if now.Sub(e.asked) < askAgain {
		return false
	}
	e.asked = now
	return true
}
