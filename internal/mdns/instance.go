package mdns

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// Instance is one node of one service, as its records describe it. Names are in
// DNS presentation form (see [EscapeName]); Domain and Host end in a dot.
type Instance struct {
	Name    string // the node's own name, the leftmost part of its DNS name
	Service string
	Domain  string
	Host    string
	Port    uint16
	IPs     []netip.Addr
	Text    []string // the strings of the TXT record, each at most 255 bytes
	TTL     uint32   // seconds; 0 says goodbye
}

// HostName returns this machine's name as an absolute DNS name.
func HostName() string {
	name, err := os.Hostname()
	name = EscapeName(strings.TrimSuffix(name, ".")) + "."
	if err != nil || CheckName(name) != nil {
		return "localhost."
	}
	return name
}

// ServiceName is the name under which the instances of i's service are found.
func (i *Instance) ServiceName() string { return i.Service + "." + i.Domain }

// FullName is the name of i's own records.
func (i *Instance) FullName() string { return i.Name + "." + i.ServiceName() }

// Equal reports whether i and o have the same records.
func (i *Instance) Equal(o *Instance) bool {
	return i.Name == o.Name && i.Service == o.Service && i.Domain == o.Domain &&
		i.Host == o.Host && i.Port == o.Port && i.TTL == o.TTL &&
		slices.Equal(i.IPs, o.IPs) && slices.Equal(i.Text, o.Text)
}

// Check says why i cannot be published, or nil.
func (i *Instance) Check() error {
	if err := CheckName(i.FullName()); err != nil {
		return err
	}
	if err := CheckName(i.Host); err != nil {
		return err
	}
	if i.Port == 0 {
		return fmt.Errorf("mdns: %s has no port", i.FullName())
	}
	if len(i.IPs) == 0 {
		return fmt.Errorf("mdns: %s has no IP address", i.FullName())
	}
	for _, text := range i.Text {
		if len(text) > textString {
			return fmt.Errorf("mdns: %s has a TXT string of %d bytes, more than %d", i.FullName(), len(text), textString)
		}
	}
	return nil
}

// Records returns everything i publishes under its own name: SRV, A, AAAA, TXT.
func (i *Instance) Records() []Record { return i.records(TypeSRV, TypeA, TypeAAAA, TypeTXT) }

// Answer returns i's records that answer q, nil when there are none.
func (i *Instance) Answer(q Question) []Record {
	switch name := q.Name; {
	case SameName(name, metaService+"."+i.Domain):
		if q.Type == TypePTR || q.Type == TypeANY {
			return []Record{i.pointer(name, i.ServiceName())}
		}
	case SameName(name, i.ServiceName()):
		if q.Type == TypePTR || q.Type == TypeANY {
			return append([]Record{i.pointer(name, i.FullName())}, i.Records()...)
		}
	case SameName(name, i.FullName()):
		return i.answerInstance(q.Type)
	case SameName(name, i.Host):
		return i.answerAddress(q.Type)
	}
	return nil
}

func (i *Instance) answerInstance(qtype uint16) []Record {
	switch qtype {
	case TypeANY:
		return i.Records()
	case TypeSRV:
		return i.records(TypeSRV, TypeA, TypeAAAA)
	case TypeTXT:
		return i.records(TypeTXT)
	}
	return i.answerAddress(qtype)
}

func (i *Instance) answerAddress(qtype uint16) []Record {
	if qtype == TypeA || qtype == TypeAAAA {
		return i.records(qtype)
	}
	return nil
}

// records returns i's records of the given types, in their order.
func (i *Instance) records(types ...uint16) []Record {
	var records []Record
	for _, rtype := range types {
		r := Record{Name: i.FullName(), Type: rtype, Class: ClassINET, TTL: i.TTL}
		switch rtype {
		case TypeSRV:
			r.Priority, r.Weight, r.Port, r.Target = srvPriority, srvWeight, i.Port, i.Host
			records = append(records, r)
		case TypeTXT:
			r.Text = i.Text
			records = append(records, r)
		case TypeA, TypeAAAA:
			r.Name = i.Host
			for _, ip := range i.IPs {
				if r.Addr = ip.Unmap().WithZone(""); r.Addr.Is4() == (rtype == TypeA) {
					records = append(records, r)
				}
			}
		}
	}
	return records
}

// pointer returns the PTR record by which name leads to target.
func (i *Instance) pointer(name, target string) Record {
	return Record{Name: name, Type: TypePTR, Class: ClassINET, TTL: i.TTL, Target: target}
}

// listEntry is the instance that lists service among the services of domain.
func listEntry(service, domain, host string) *Instance {
	return &Instance{
		Name:    service,
		Service: ListService,
		Domain:  domain,
		Host:    host,
		Port:    listPort,
		IPs:     []netip.Addr{netip.MustParseAddr(listSRVIP)},
		TTL:     DefaultTTL,
	}
}
