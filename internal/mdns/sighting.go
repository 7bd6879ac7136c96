package mdns

import (
	"net/netip"
)

// Sighting is what one message says about one instance. Messages need not be
// complete: only what Has... reports is known.
type Sighting struct {
	Name    string // full name of the instance, in presentation form
	Type    uint16 // type of the record by which the message first named it
	Host    string
	Port    uint16
	Addrs   []netip.Addr
	Text    []string
	TTL     uint32 // of the last record read
	HasSRV  bool
	HasText bool
	Goodbye bool // a PTR, SRV or TXT record had TTL 0
}

// ReadSightings collects what the answers of msg say about each instance, in the
// order in which the instances appear.
//
// Address records belong to a host and not to an instance, and go-micro
// publishes different addresses of one host for different instances. So an
// address goes to the nearest instance before it which names that host; an
// instance left without any gets all the host's addresses in the message.
func ReadSightings(msg *Message) []*Sighting {
	r := sightingReader{known: map[string]*Sighting{}, hosts: map[string][]netip.Addr{}, latest: map[string]*Sighting{}}
	for _, section := range [...][]Record{msg.Answers, msg.Additionals} {
		for i := range section {
			r.read(&section[i])
		}
	}
	for _, s := range r.list {
		if s.HasSRV && len(s.Addrs) == 0 {
			s.Addrs = r.hosts[fold(s.Host)]
		}
	}
	return r.list
}

type sightingReader struct {
	list   []*Sighting
	known  map[string]*Sighting    // by folded instance name
	latest map[string]*Sighting    // by folded host: the last instance on it
	hosts  map[string][]netip.Addr // by folded host
}

func (r *sightingReader) read(record *Record) {
	switch record.Type {
	case TypePTR:
		r.instance(record.Target, record)
	case TypeSRV:
		s := r.instance(record.Name, record)
		s.HasSRV, s.Host, s.Port = true, record.Target, record.Port
		r.latest[fold(record.Target)] = s
	case TypeTXT:
		s := r.instance(record.Name, record)
		s.HasText, s.Text = true, record.Text
	case TypeA, TypeAAAA:
		r.address(record)
	}
}

func (r *sightingReader) instance(name string, record *Record) *Sighting {
	key := fold(name)
	s := r.known[key]
	if s == nil {
		s = &Sighting{Name: name, Type: record.Type}
		r.known[key] = s
		r.list = append(r.list, s)
	}
	s.TTL = record.TTL
	s.Goodbye = s.Goodbye || record.TTL == 0
	return s
}

func (r *sightingReader) address(record *Record) {
	host := fold(record.Name)
	r.hosts[host] = append(r.hosts[host], record.Addr)
	if s := r.latest[host]; s != nil {
		s.Addrs = append(s.Addrs, record.Addr)
		s.TTL = record.TTL
	}
}
