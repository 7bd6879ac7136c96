package mdns

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"

	"github.com/miekg/dns"

	engine "github.com/justcy/go-micro/v4/internal/mdns"
)

// defaultDomain is the domain of services that name none.
const defaultDomain = "local."

// metaPrefix and a domain are the name under which types of services are listed.
const metaPrefix = "_services._dns-sd._udp."

// Zone answers questions. A server asks it from several goroutines at once.
type Zone interface {
	// Records returns the records that answer q, nil when there are none. The
	// caller may keep them but does not change them.
	Records(q dns.Question) []dns.RR
}

// MDNSService is a zone with one instance of one service. Its fields must not be
// changed while a server uses it.
type MDNSService struct {
	Instance string   // name of the instance, such as "printer1"
	Service  string   // name of the service, such as "_ipp._tcp"
	Domain   string   // such as "local."; ends in a dot
	HostName string   // name of the host; ends in a dot
	Port     int      // where the service listens
	IPs      []net.IP // addresses of the host
	TXT      []string // strings of the TXT record
	TTL      uint32   // lifetime of the records, in seconds
}

// NewMDNSService returns a zone with one instance. An empty domain means
// "local.", an empty hostName the name of this machine, and no ips the addresses
// of the host name, alone or followed by the domain. Domain and host name, when
// given, must end in a dot. The TTL is 120 seconds.
func NewMDNSService(instance, service, domain, hostName string, port int, ips []net.IP, txt []string) (*MDNSService, error) {
	switch {
	case instance == "":
		return nil, errors.New("mdns: instance name is missing")
	case service == "":
		return nil, errors.New("mdns: service name is missing")
	case port <= 0 || port > 65535:
		return nil, fmt.Errorf("mdns: port %d of %s is not from 1 to 65535", port, instance)
	}
	domain = cmp.Or(domain, defaultDomain)
	if hostName == "" {
		name, err := os.Hostname()
		if err != nil {
			return nil, fmt.Errorf("mdns: find host name: %w", err)
		}
		hostName = strings.TrimSuffix(name, ".") + "."
	}
	for _, name := range []string{domain, hostName} {
		if !strings.HasSuffix(name, ".") {
			return nil, fmt.Errorf("mdns: name %q must end in a dot", name)
		}
	}
	if len(ips) == 0 {
		var err error
		if ips, err = lookupHost(hostName, domain); err != nil {
			return nil, err
		}
	}
	for _, ip := range ips {
		if ip.To16() == nil {
			return nil, fmt.Errorf("mdns: %v is neither an IPv4 nor an IPv6 address", ip)
		}
	}
	return &MDNSService{
		Instance: instance, Service: service, Domain: domain, HostName: hostName,
		Port: port, IPs: ips, TXT: txt, TTL: engine.DefaultTTL,
	}, nil
}

// lookupHost resolves a host name as it is, or else as a name in the domain.
func lookupHost(hostName, domain string) ([]net.IP, error) {
	ips, first := net.LookupIP(hostName)
	if first == nil {
		return ips, nil
	}
	ips, err := net.LookupIP(hostName + domain)
	if err != nil {
		return nil, fmt.Errorf("mdns: no IP addresses of host %s, give them explicitly: %w", hostName, errors.Join(first, err))
	}
	return ips, nil
}

// Records implements [Zone].
func (m *MDNSService) Records(q dns.Question) []dns.RR {
	i := m.instance()
	if !strings.HasSuffix(m.Domain, ".") && engine.SameName(q.Name, metaPrefix+i.Domain) {
		return nil // left to DNSSDService
	}
	return fromRecords(i.Answer(toQuestion(q)))
}

func (m *MDNSService) instance() *engine.Instance {
	i := &engine.Instance{
		Name:    strings.Trim(m.Instance, "."),
		Service: strings.Trim(m.Service, "."),
		Domain:  strings.Trim(m.Domain, ".") + ".",
		Host:    m.HostName,
		Port:    uint16(m.Port),
		Text:    m.TXT,
		TTL:     m.TTL,
	}
	for _, ip := range m.IPs {
		if addr, ok := netip.AddrFromSlice(ip); ok {
			i.IPs = append(i.IPs, addr.Unmap())
		}
	}
	return i
}

// DNSSDService is an MDNSService that can also be found by asking which types of
// services there are (DNS-SD). MDNSService answers that itself when its domain
// ends in a dot; this one does when it does not.
type DNSSDService struct {
	MDNSService *MDNSService
}

// Records implements [Zone].
func (s *DNSSDService) Records(q dns.Question) []dns.RR {
	var records []dns.RR
	if q.Name == metaPrefix+s.MDNSService.Domain+"." && (q.Qtype == dns.TypePTR || q.Qtype == dns.TypeANY) {
		records = append(records, &dns.PTR{
			Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: engine.DefaultTTL},
			Ptr: s.MDNSService.instance().ServiceName(),
		})
	}
	return append(records, s.MDNSService.Records(q)...)
}
