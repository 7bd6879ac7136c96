//go:build unix

package transport

import (
	"crypto/tls"
	"net"
	"syscall"
)

// probe asks the operating system whether anything arrived on an idle
// connection: data that nobody asked for, or its end. It never waits and
// consumes nothing. It must not be used concurrently.
type probe struct {
	raw   syscall.RawConn // nil when the connection is none of the system's
	peek  func(fd uintptr)
	clean bool
}

func newProbe(conn net.Conn) *probe {
	p := &probe{}
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

// quiet reports whether the connection is open and nothing waits on it.
func (p *probe) quiet() bool {
	if p.raw == nil {
		return true
	}
	p.clean = false
	return p.raw.Control(p.peek) == nil && p.clean
}
