package mdns

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// multicastHops lets messages stay on the link while receivers can check that
// they came from it.
const multicastHops = 255

// family is one address family's pair of sockets: listen is bound to the shared
// port, ask to a port of its own.
type family struct {
	name   string
	v4     bool
	listen *net.UDPConn
	ask    *net.UDPConn // listen itself for a passive link
	group  *net.UDPAddr

	listenGroup, askGroup groupConn

	mu      sync.Mutex     // guards the fields below
	members map[int]string // joined interfaces: index to name
}

// groupConn is what differs between the families of golang.org/x/net. It holds
// functions instead of being an interface, because the linker keeps every method
// of a type it finds behind one, and those types have many.
type groupConn struct {
	setup func() error
	join  func(ifi *net.Interface, group *net.UDPAddr) error
	write func(data []byte, ifi *iface, group *net.UDPAddr) error
}

func openV4(port int, ask bool) (*family, error) {
	group := &net.UDPAddr{IP: GroupV4.AsSlice(), Port: port}
	return openFamily("udp4", true, group, ask, groupV4)
}

func openV6(port int, ask bool) (*family, error) {
	group := &net.UDPAddr{IP: GroupV6.AsSlice(), Port: port}
	return openFamily("udp6", false, group, ask, groupV6)
}

func openFamily(name string, v4 bool, group *net.UDPAddr, ask bool, wrap func(*net.UDPConn) groupConn) (*family, error) {
	f := &family{name: name, v4: v4, group: group, members: map[int]string{}}
	var err error
	if f.listen, err = bind(name, group.Port); err != nil {
		return nil, err
	}
	f.ask = f.listen
	if ask {
		if f.ask, err = bind(name, 0); err != nil {
			f.listen.Close()
			return nil, err
		}
	}
	f.listenGroup, f.askGroup = wrap(f.listen), wrap(f.ask)
	for _, g := range []groupConn{f.listenGroup, f.askGroup} {
		if err := g.setup(); err != nil {
			for _, conn := range f.sockets() {
				conn.Close()
			}
			return nil, fmt.Errorf("%s: prepare multicast: %w", name, err)
		}
	}
	return f, nil
}

// bind opens a socket on the wildcard address. A port other than 0 is shared with
// every other socket of the machine that is willing to share it.
func bind(network string, port int) (*net.UDPConn, error) {
	var config net.ListenConfig
	if port != 0 {
		config.Control = shareAddress
	}
	conn, err := config.ListenPacket(context.Background(), network, fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", network, err)
	}
	udp := conn.(*net.UDPConn)
	udp.SetReadBuffer(socketBuffer) // a smaller one only loses more under load
	return udp, nil
}

func (f *family) sockets() []*net.UDPConn {
	if f.ask == f.listen {
		return []*net.UDPConn{f.listen}
	}
	return []*net.UDPConn{f.listen, f.ask}
}

// reaches reports whether f can send on ifi: it has joined it, and the interface
// has an address to send from.
func (f *family) reaches(ifi *iface) bool {
	if f.v4 && ifi.v4 == nil || !f.v4 && ifi.v6 == nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.members[ifi.Index]
	return ok
}

// join makes f a member on exactly the given interfaces and returns what failed.
// The system itself ends the membership on an interface that is gone.
func (f *family) join(ifaces []iface) []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var errs []error
	present := make(map[int]string, len(ifaces))
	for i := range ifaces {
		ifi := &ifaces[i]
		if f.members[ifi.Index] != ifi.Name {
			if err := f.listenGroup.join(&ifi.Interface, f.group); err != nil {
				errs = append(errs, fmt.Errorf("%s: join %v on %s: %w", f.name, f.group.IP, ifi.Name, err))
				continue
			}
		}
		present[ifi.Index] = ifi.Name
	}
	f.members = present
	return errs
}

func (f *family) multicast(data []byte, ifi *iface, ask bool) error {
	if ask {
		return f.askGroup.write(data, ifi, f.group)
	}
	return f.listenGroup.write(data, ifi, f.group)
}

func groupV4(conn *net.UDPConn) groupConn {
	pc := ipv4.NewPacketConn(conn)
	var mu sync.Mutex // serialises choosing an interface and sending on it
	return groupConn{
		setup: func() error {
			pc.SetMulticastTTL(multicastHops) // not available everywhere, and 1 does
			return pc.SetMulticastLoopback(true)
		},
		join: func(ifi *net.Interface, group *net.UDPAddr) error {
			return ignoreMember(pc.JoinGroup(ifi, group))
		},
		write: func(data []byte, ifi *iface, group *net.UDPAddr) error {
			if runtime.GOOS != "windows" {
				_, err := pc.WriteTo(data, &ipv4.ControlMessage{IfIndex: ifi.Index, Src: ifi.v4}, group)
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if err := pc.SetMulticastInterface(&ifi.Interface); err != nil {
				return err
			}
			_, err := pc.WriteTo(data, nil, group)
			return err
		},
	}
}

func groupV6(conn *net.UDPConn) groupConn {
	pc := ipv6.NewPacketConn(conn)
	var mu sync.Mutex // serialises choosing an interface and sending on it
	return groupConn{
		setup: func() error {
			pc.SetMulticastHopLimit(multicastHops) // not available everywhere, and 1 does
			return pc.SetMulticastLoopback(true)
		},
		join: func(ifi *net.Interface, group *net.UDPAddr) error {
			return ignoreMember(pc.JoinGroup(ifi, group))
		},
		write: func(data []byte, ifi *iface, group *net.UDPAddr) error {
			to := &net.UDPAddr{IP: group.IP, Port: group.Port, Zone: ifi.Name}
			if runtime.GOOS != "windows" {
				_, err := pc.WriteTo(data, &ipv6.ControlMessage{IfIndex: ifi.Index}, to)
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if err := pc.SetMulticastInterface(&ifi.Interface); err != nil {
				return err
			}
			_, err := pc.WriteTo(data, nil, to)
			return err
		},
	}
}
