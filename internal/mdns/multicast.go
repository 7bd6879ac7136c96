package mdns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// socketBuffer is the receive buffer wanted for each socket: room for the
// answers of some thousand nodes. The system may grant less.
const socketBuffer = 4 << 20

// Multicast is the real [Network]: UDP over IPv4 and IPv6 on every interface that
// is up and can multicast, loopback included. The zero value is ready to use.
type Multicast struct {
	// Port replaces the port of multicast DNS when it is not 0.
	Port int

	// Interface restricts the link to one interface; nil means all.
	Interface *net.Interface

	// Passive links have no socket to ask with: Ask sends from the shared port.
	Passive bool

	// Debugf receives what a closer look may want to know. Nil means nobody.
	Debugf func(format string, args ...any)
}

// Open implements [Network]. A family or an interface that cannot be used is left
// out; when nothing is left the error names everything that was tried.
func (m *Multicast) Open(deliver func(Packet)) (Link, error) {
	l := &multicastLink{deliver: deliver, only: m.Interface, debugf: m.Debugf}
	if l.debugf == nil {
		l.debugf = func(string, ...any) {}
	}
	port := m.Port
	if port == 0 {
		port = Port
	}
	var failures []error
	for _, open := range []func(int, bool) (*family, error){openV4, openV6} {
		f, err := open(port, !m.Passive)
		if err != nil {
			failures = append(failures, err)
			l.debugf("mdns: %v", err)
			continue
		}
		l.families = append(l.families, f)
	}
	if len(l.families) == 0 {
		return nil, fmt.Errorf("mdns: no usable socket: %w", errors.Join(failures...))
	}
	if err := l.firstJoin(failures); err != nil {
		l.closeSockets()
		return nil, err
	}
	l.receive()
	l.changed = interfaces.subscribe()
	if l.Refresh() && l.changed != nil { // between the first look and now
		l.changed <- struct{}{}
	}
	return l, nil
}

type multicastLink struct {
	deliver  func(Packet)
	only     *net.Interface
	debugf   func(string, ...any)
	families []*family
	changed  chan struct{} // interfaces may have; nil when nobody tells
	running  sync.WaitGroup
	closing  sync.Once
	closeErr error

	mu          sync.Mutex // guards the fields below
	fingerprint string
	ifaces      []iface
	subnets     []netip.Prefix // of the interfaces
}

// iface is an interface with its addresses, read together.
type iface struct {
	net.Interface
	v4, v6  net.IP         // the first address of the family, nil when there is none
	subnets []netip.Prefix // of all its addresses
}

func (l *multicastLink) Ask(data []byte) error      { return l.multicast(data, true) }
func (l *multicastLink) Announce(data []byte) error { return l.multicast(data, false) }

// multicast sends data on every joined interface of every family. It fails when
// no copy could be sent.
func (l *multicastLink) multicast(data []byte, ask bool) error {
	l.mu.Lock()
	ifaces := l.ifaces
	l.mu.Unlock()
	sent := false
	var failures []error
	for _, f := range l.families {
		for i := range ifaces {
			if !f.reaches(&ifaces[i]) {
				continue
			}
			if err := f.multicast(data, &ifaces[i], ask); err != nil {
				failures = append(failures, fmt.Errorf("%s on %s: %w", f.name, ifaces[i].Name, err))
				continue
			}
			sent = true
		}
	}
	switch {
	case sent:
		return nil
	case len(failures) == 0:
		return errors.New("mdns: no interface to send on")
	}
	return fmt.Errorf("mdns: send %d bytes: %w", len(data), errors.Join(failures...))
}

func (l *multicastLink) Reply(data []byte, to netip.AddrPort) error {
	for _, f := range l.families {
		if f.v4 != to.Addr().Unmap().Is4() {
			continue
		}
		if _, err := f.listen.WriteToUDPAddrPort(data, to); err != nil {
			return fmt.Errorf("mdns: reply %d bytes to %v: %w", len(data), to, err)
		}
		return nil
	}
	return fmt.Errorf("mdns: reply to %v: address family not in use", to)
}

// Changed implements [Notifier].
func (l *multicastLink) Changed() <-chan struct{} { return l.changed }

// Refresh implements [Link].
func (l *multicastLink) Refresh() bool {
	ifaces, changed, err := l.look()
	if err != nil {
		l.debugf("mdns: list interfaces: %v", err)
	}
	if !changed {
		return false
	}
	for _, f := range l.families {
		for _, err := range f.join(ifaces) {
			l.debugf("mdns: %v", err)
		}
	}
	return true
}

// look notes the interfaces that there are, and reports whether they are others than
// before.
func (l *multicastLink) look() (ifaces []iface, changed bool, err error) {
	ifaces, fingerprint, err := usableInterfaces(l.only, l.debugf)
	if err != nil {
		return nil, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	changed = fingerprint != l.fingerprint
	l.fingerprint, l.ifaces, l.subnets = fingerprint, ifaces, subnets(ifaces)
	return ifaces, changed, nil
}

// firstJoin joins all interfaces and fails when no join succeeded.
func (l *multicastLink) firstJoin(failures []error) error {
	ifaces, _, err := l.look()
	if err != nil {
		return fmt.Errorf("mdns: list interfaces: %w", err)
	}
	joined := false
	for _, f := range l.families {
		errs := f.join(ifaces)
		joined = joined || len(errs) < len(ifaces)
		failures = append(failures, errs...)
	}
	if joined {
		for _, err := range failures {
			l.debugf("mdns: %v", err)
		}
		return nil
	}
	names := make([]string, len(ifaces))
	for i := range ifaces {
		names[i] = ifaces[i].Name
	}
	return fmt.Errorf("mdns: cannot join the multicast group on any interface (tried %s): %w",
		strings.Join(names, ", "), errors.Join(failures...))
}

// usableInterfaces lists the interfaces worth joining, or of these the only one asked
// for, with a text that changes whenever one of them, its state or its addresses do.
func usableInterfaces(only *net.Interface, debugf func(string, ...any)) ([]iface, string, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, "", err
	}
	var out []iface
	var fingerprint strings.Builder
	for _, ifi := range all {
		if only != nil && ifi.Index != only.Index {
			continue
		}
		if ifi.Flags&net.FlagUp == 0 || ifi.Flags&(net.FlagMulticast|net.FlagLoopback) == 0 {
			continue
		}
		addrs, err := ifi.Addrs()
		if err != nil {
			debugf("mdns: addresses of %s: %v", ifi.Name, err)
			continue
		}
		out = append(out, withAddresses(ifi, addrs))
		fmt.Fprintln(&fingerprint, ifi.Index, ifi.Name, ifi.Flags, addrs)
	}
	return out, fingerprint.String(), nil
}

func withAddresses(ifi net.Interface, addrs []net.Addr) iface {
	out := iface{Interface: ifi}
	for _, addr := range addrs {
		ipnet, ok := addr.(*net.IPNet)
		if !ok {
			continue
		}
		if ip, ok := netip.AddrFromSlice(ipnet.IP); ok {
			ones, _ := ipnet.Mask.Size()
			out.subnets = append(out.subnets, netip.PrefixFrom(ip.Unmap(), ones))
		}
		if v4 := ipnet.IP.To4(); v4 != nil {
			if out.v4 == nil {
				out.v4 = v4
			}
		} else if out.v6 == nil {
			out.v6 = ipnet.IP
		}
	}
	return out
}

func subnets(ifaces []iface) []netip.Prefix {
	var all []netip.Prefix
	for _, i := range ifaces {
		all = append(all, i.subnets...)
	}
	return all
}

// onLink reports whether a packet comes from a link of this machine, as RFC 6762
// section 11 demands: whoever is farther away has no business here, and would have
// us send much to somebody whose address he wrote on a little.
func (l *multicastLink) onLink(from netip.Addr) bool {
	from = from.Unmap().WithZone("")
	if from.IsLinkLocalUnicast() || from.IsLoopback() {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.subnets, func(subnet netip.Prefix) bool { return subnet.Contains(from) })
}

// receive starts a goroutine for each socket; Close waits for them.
func (l *multicastLink) receive() {
	for _, f := range l.families {
		for _, conn := range f.sockets() {
			l.running.Go(func() { l.receiveFrom(conn) })
		}
	}
}

func (l *multicastLink) receiveFrom(conn *net.UDPConn) {
	buf := make([]byte, 1<<16)
	for failures := 0; ; {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			// Some systems report here what became of an earlier send.
			if failures++; failures > 8 {
				time.Sleep(50 * time.Millisecond)
			}
			continue
		}
		failures = 0
		l.take(buf[:n], from)
	}
}

// take delivers a packet that comes from a link of this machine.
func (l *multicastLink) take(data []byte, from netip.AddrPort) {
	if l.onLink(from.Addr()) {
		l.deliver(Packet{Data: data, From: from})
	}
}

func (l *multicastLink) Close() error {
	l.closing.Do(func() {
		interfaces.unsubscribe(l.changed)
		l.closeErr = l.closeSockets()
		l.running.Wait()
	})
	return l.closeErr
}

func (l *multicastLink) closeSockets() error {
	var errs []error
	for _, f := range l.families {
		for _, conn := range f.sockets() {
			errs = append(errs, conn.Close())
		}
	}
	return errors.Join(errs...)
}
