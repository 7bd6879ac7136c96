//go:build unix

package mux

import (
	"io"
	"net"
	"syscall"
)

// directWriter writes to a connection of the system without ever waiting. It
// must not be used concurrently.
type directWriter struct {
	raw      syscall.RawConn
	attempts func(fd uintptr) bool
	b        []byte
	n        int
	err      error
}

// newDirectWriter returns nil for a connection that is none of the system's,
// one with TLS for instance.
func newDirectWriter(conn net.Conn) *directWriter {
	system, ok := conn.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := system.SyscallConn()
	if err != nil {
		return nil
	}
	w := &directWriter{raw: raw}
	w.attempts = w.attempt
	return w
}

// write writes as much of b as the system takes at once.
func (w *directWriter) write(b []byte) (n int, err error) {
	w.b, w.n, w.err = b, 0, nil
	err = w.raw.Write(w.attempts)
	w.b = nil
	if err == nil {
		err = w.err
	}
	return w.n, err
}

func (w *directWriter) attempt(fd uintptr) bool {
	for w.n < len(w.b) {
		n, err := syscall.Write(int(fd), w.b[w.n:])
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			return true
		case err != nil:
			w.err = err
			return true
		case n == 0:
			w.err = io.ErrUnexpectedEOF
			return true
		default:
			w.n += n
		}
	}
	return true
}
