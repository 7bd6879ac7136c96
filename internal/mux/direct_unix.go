//go:build unix

package mux

import (
	"io"
	"net"
	"syscall"
	"time"
)

// directWriter writes to a connection of the system without ever waiting. It
// must not be used concurrently.
type directWriter struct {
	raw      syscall.RawConn
	attempts func(fd uintptr) bool
	buffers  [][]byte // to be written
	from     int      // of buffers, the first that was not written
	n        int
	err      error
	vector   vector
	fd       uintptr // that wait has, which lends it to writeAdded
	lent     bool
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

// add adds b to what writeAdded writes.
func (w *directWriter) add(b []byte) {
	if len(b) > 0 {
		w.buffers = append(w.buffers, b)
	}
}

// writeAdded writes as much of what was added as the system takes at once, and
// forgets the rest.
func (w *directWriter) writeAdded() (n int, err error) {
	w.n, w.err = 0, nil
	if w.lent {
		w.attempt(w.fd)
	} else {
		err = w.raw.Write(w.attempts)
	}
	clear(w.buffers)
	w.buffers, w.from = w.buffers[:0], 0
	if err == nil {
		err = w.err
	}
	return w.n, err
}

// wait calls try, which writes by writeAdded, until that reports that it is done,
// whenever the system takes more, for up to limit. It does so at once: the system
// tells only once that it takes more, and before wait nobody listens.
func (w *directWriter) wait(conn net.Conn, limit time.Duration, try func() (done bool)) error {
	conn.SetWriteDeadline(time.Now().Add(limit)) //nolint:errcheck // a closed connection fails what follows
	err := w.raw.Write(func(fd uintptr) bool {
		w.fd, w.lent = fd, true
		defer func() { w.lent = false }()
		return try()
	})
	conn.SetWriteDeadline(time.Time{}) //nolint:errcheck // what is written next fails if the connection is closed
	return err
}

func (w *directWriter) attempt(fd uintptr) bool {
	for w.from < len(w.buffers) {
		n, err := w.vector.write(int(fd), w.buffers[w.from:])
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
			w.wrote(n)
		}
	}
	return true
}

// wrote notes that n more bytes were written.
func (w *directWriter) wrote(n int) {
	w.n += n
	for w.from < len(w.buffers) && n >= len(w.buffers[w.from]) {
		n -= len(w.buffers[w.from])
		w.from++
	}
	if n > 0 {
		w.buffers[w.from] = w.buffers[w.from][n:]
	}
}
