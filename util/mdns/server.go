package mdns

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/miekg/dns"

	engine "github.com/justcy/go-micro/v4/internal/mdns"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	probes        = 3
	maxProbePause = 250 * time.Millisecond
)

// announcePauses are the pauses before each announcement.
var announcePauses = []time.Duration{0, time.Second, 2 * time.Second}

// GetMachineIP returns the address other machines see this one at, nil when there
// is none.
type GetMachineIP func() net.IP

// Config configures a [Server].
type Config struct {
	// Zone answers the questions. It is required.
	Zone Zone

	// Iface restricts the server to one interface; nil means all.
	Iface *net.Interface

	// Port is where this server listens and where it sends multicasts to; 0
	// means 5353.
	Port int

	// GetMachineIP is used by LocalhostChecking; nil means the address from
	// which this machine reaches the internet.
	GetMachineIP GetMachineIP

	// LocalhostChecking sends a second copy of a reply to the wildcard address
	// when the question came from this machine, for systems that do not route
	// to their own address.
	LocalhostChecking bool
}

// Server answers multicast DNS questions from a zone. For an [MDNSService] it also
// announces the service and, on Shutdown, says goodbye.
type Server struct {
	config Config
	link   engine.Link

	stop     chan struct{}
	starting sync.WaitGroup
	closing  sync.Once
	closeErr error
}

// NewServer starts a server. It needs one address family with one interface.
func NewServer(config *Config) (*Server, error) {
	if config == nil || config.Zone == nil {
		return nil, errors.New("mdns: server needs a zone")
	}
	s := &Server{config: *config, stop: make(chan struct{})}
	if s.config.GetMachineIP == nil {
		s.config.GetMachineIP = outboundIP
	}
	network := &engine.Multicast{Port: config.Port, Interface: config.Iface, Passive: true, Debugf: debugf}
	// Queries may arrive before Open returns the link to answer on.
	opened := make(chan struct{})
	link, err := network.Open(func(p engine.Packet) {
		<-opened
		s.receive(p)
	})
	if err != nil {
		close(opened)
		return nil, err
	}
	s.link = link
	close(opened)
	if service, ok := s.config.Zone.(*MDNSService); ok {
		s.starting.Go(func() { s.introduce(service.instance()) })
	}
	return s, nil
}

// SendMulticast sends msg to the multicast group on every interface of the server.
func (s *Server) SendMulticast(msg *dns.Msg) error {
	datagrams, err := pack(msg)
	if err != nil {
		return err
	}
	for _, data := range datagrams {
		err = errors.Join(err, s.link.Announce(data))
	}
	return err
}

// Shutdown says goodbye and closes the sockets. It returns when all the server's
// goroutines have ended, and may be called repeatedly.
func (s *Server) Shutdown() error {
	s.closing.Do(func() {
		close(s.stop)
		s.starting.Wait()
		if service, ok := s.config.Zone.(*MDNSService); ok {
			instance := service.instance()
			instance.TTL = 0
			s.multicast(fromMessage(engine.Announcement(instance)))
		}
		s.closeErr = s.link.Close()
	})
	return s.closeErr
}

// introduce asks whether the name is free, then announces it.
func (s *Server) introduce(instance *engine.Instance) {
	for range probes {
		s.multicast(fromMessage(engine.Probe(instance)))
		if !s.pause(rand.N(maxProbePause)) {
			return
		}
	}
	for _, pause := range announcePauses {
		if !s.pause(pause) {
			return
		}
		s.multicast(fromMessage(engine.Announcement(instance)))
	}
}

// pause waits and reports whether the server is still running.
func (s *Server) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.stop:
		return false
	case <-timer.C:
		return true
	}
}

func (s *Server) multicast(msg *dns.Msg) {
	if err := s.SendMulticast(msg); err != nil {
		logger.Logf(logger.WarnLevel, "mdns: send multicast: %v", err)
	}
}

func (s *Server) receive(p engine.Packet) {
	query := new(dns.Msg)
	if err := query.Unpack(p.Data); err != nil {
		debugf("mdns: query from %v: %v", p.From, err)
		return
	}
	if query.Response {
		return
	}
	if query.Opcode != dns.OpcodeQuery || query.Rcode != dns.RcodeSuccess {
		debugf("mdns: query from %v has opcode %d and rcode %d", p.From, query.Opcode, query.Rcode)
		return
	}
	query.Truncated = false
	s.answer(query, p.From)
}

// answer replies to a query, separately to the questions that want unicast and to
// those that do not, because their replies have different ids.
func (s *Server) answer(query *dns.Msg, from netip.AddrPort) {
	const unicastBit = 1 << 15
	for _, bit := range []uint16{0, unicastBit} {
		var records []dns.RR
		var first *dns.Question
		for i, q := range query.Question {
			if q.Qclass&unicastBit != bit {
				continue
			}
			if first == nil {
				first = &query.Question[i]
			}
			records = append(records, s.config.Zone.Records(q)...)
		}
		if len(records) > 0 {
			s.reply(reply(query, *first, records), from)
		}
	}
}

func (s *Server) reply(msg *dns.Msg, to netip.AddrPort) {
	datagrams, err := pack(msg)
	for _, data := range datagrams {
		err = errors.Join(err, s.link.Reply(data, to))
		if s.isLocal(to.Addr()) {
			err = errors.Join(err, s.link.Reply(data, netip.AddrPortFrom(wildcard(to.Addr()), to.Port())))
		}
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		logger.Logf(logger.WarnLevel, "mdns: reply to %v: %v", to, err)
	}
}

func (s *Server) isLocal(ip netip.Addr) bool {
	if !s.config.LocalhostChecking {
		return false
	}
	mine, ok := netip.AddrFromSlice(s.config.GetMachineIP())
	return ok && mine.Unmap() == ip.Unmap().WithZone("")
}

func wildcard(ip netip.Addr) netip.Addr {
	if ip.Unmap().Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// outboundIP is the address from which this machine would reach the internet.
// Nothing is sent to find out.
func outboundIP() net.IP {
	conn, err := net.Dial("udp", "8.8.8.8:80")
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP
}

func debugf(format string, args ...any) {
	logger.Logf(logger.DebugLevel, format, args...)
}
