package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/justcy/go-micro/v4/internal/mdns"
)

// resolveLimit is how long the resolution of a host name may take.
const resolveLimit = 5 * time.Second

// mdnsRecord is what the TXT record of a node holds. The names and the order of
// the keys are part of the wire.
type mdnsRecord struct {
	Service   string
	Version   string
	Endpoints []*Endpoint
	Metadata  map[string]string // of the node
}

func newMDNSRecord(s *Service) mdnsRecord {
	return mdnsRecord{Service: s.Name, Version: s.Version, Endpoints: cloneAll(s.Endpoints)}
}

// withNode returns the record of one node; the endpoints are shared.
func (r mdnsRecord) withNode(n *Node) mdnsRecord {
	r.Metadata = maps.Clone(n.Metadata)
	return r
}

func (r *mdnsRecord) encode() ([]string, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode TXT record: %w", err)
	}
	if len(data) > mdns.MaxText {
		return nil, fmt.Errorf("%w: its description has %d bytes, at most %d are possible", mdns.ErrTooLarge, len(data), mdns.MaxText)
	}
	return mdns.EncodeTXT(data), nil
}

// Size is about what the record takes in memory, in bytes: an element of JSON may
// be three characters and a hundred bytes in memory.
func (r *mdnsRecord) Size() int {
	size := len(r.Service) + len(r.Version) + mapSize(r.Metadata)
	for _, e := range r.Endpoints {
		size += pointerSize
		if e != nil {
			size += structSize + len(e.Name) + mapSize(e.Metadata) + valueSize(e.Request) + valueSize(e.Response)
		}
	}
	return size
}

// What things take in memory, about, in bytes.
const (
	pointerSize  = 8
	structSize   = 64
	mapEntrySize = 64
)

func mapSize(m map[string]string) int {
	size := 0
	for key, value := range m {
		size += mapEntrySize + len(key) + len(value)
	}
	return size
}

func valueSize(v *Value) int {
	if v == nil {
		return 0
	}
	size := structSize + len(v.Name) + len(v.Type)
	for _, nested := range v.Values {
		size += pointerSize + valueSize(nested)
	}
	return size
}

// decodeMDNSRecord reads the strings of a TXT record.
func decodeMDNSRecord(text []string) (string, any, error) {
	data, err := mdns.DecodeTXT(text)
	if err != nil {
		return "", nil, err
	}
	record := new(mdnsRecord)
	if err := json.Unmarshal(data, record); err != nil {
		return "", nil, fmt.Errorf("decode TXT record: %w", err)
	}
	if record.Service == "" {
		return "", nil, errors.New("decode TXT record: it names no service")
	}
	return record.Service, record, nil
}

// service returns what the record says of the service, without nodes.
func (r *mdnsRecord) service() *Service {
	return &Service{Name: r.Service, Version: r.Version, Endpoints: cloneAll(r.Endpoints)}
}

// node returns the node that an entry with this record stands for.
func (r *mdnsRecord) node(entry *mdns.Entry) *Node {
	address := netip.AddrPortFrom(preferred(entry.IPs), entry.Port)
	return &Node{Id: entry.Name, Address: address.String(), Metadata: maps.Clone(r.Metadata)}
}

// preferred returns the first IPv4 address, or the first of any kind.
func preferred(ips []netip.Addr) netip.Addr {
	for _, ip := range ips {
		if ip = ip.Unmap(); ip.Is4() {
			return ip
		}
	}
	return ips[0].WithZone("")
}

// resolveNode returns the addresses that host:port stands for.
func resolveNode(ctx context.Context, address string) ([]netip.Addr, uint16, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, 0, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return nil, 0, fmt.Errorf("address %q needs a port from 1 to 65535", address)
	}
	if host == "" {
		return nil, 0, fmt.Errorf("address %q needs an IP address or a host name", address)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.WithZone("")}, uint16(port), nil
	}
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, 0, fmt.Errorf("resolve address %q: %w", address, err)
	}
	return ips, uint16(port), nil
}
