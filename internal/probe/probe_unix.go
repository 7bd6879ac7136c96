//go:build unix

package probe

import (
	"crypto/tls"
	"net"
	"syscall"
)

// Probe asks the operating system whether anything arrived on an idle
// connection: data that nobody asked for, or its end. It never waits and
// consumes nothing. It must not be used concurrently.
type Probe struct {
	raw   syscall.RawConn // nil when the connection is none of the system's
	peek  func(fd uintptr)
	clean bool
}

// New returns a probe of conn, or of what is below when it is a TLS connection.
func New(conn net.Conn) *Probe {
	p := &Probe{}
	for {
		secured, ok := conn.(*tls.Conn)
		if !ok {
			break
		}
		conn = secured.NetConn()
	}
	if system, ok := conn.(syscall.Conn); ok {
		if raw, err := system.SyscallConn(); err == nil {
			p.raw = raw
		}
	}
	p.peek = func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		p.clean = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR
	}
	return p
}

// Quiet reports whether the connection is open and nothing waits on it. It is
// true also of a connection that is none of the system's.
func (p *Probe) Quiet() bool {
	if p.raw == nil {
		return true
	}
	p.clean = false
	return p.raw.Control(p.peek) == nil && p.clean
}
