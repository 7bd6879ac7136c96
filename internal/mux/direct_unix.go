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
	buffers  [][]byte // to be written
	from     int      // of buffers, the first that was not written
	n        int
	err      error
	vector   vector
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
	w.add(b)
	defer w.clear()
	return w.writeAdded()
}

// add adds b to what writeAdded writes.
func (w *directWriter) add(b []byte) { w.buffers = append(w.buffers, b) }

// writeAdded writes as much of what was added as the system takes at once. Clear
// must follow.
func (w *directWriter) writeAdded() (n int, err error) {
	w.n, w.err = 0, nil
	err = w.raw.Write(w.attempts)
	if err == nil {
		err = w.err
	}
	return w.n, err
}

// appendLeft appends the first n bytes of those that were added and not written.
func (w *directWriter) appendLeft(b []byte, n int) []byte {
	for _, left := range w.buffers[w.from:] {
		more := min(n, len(left))
		b = append(b, left[:more]...)
		n -= more
	}
	return b
}

// clear forgets what was added.
func (w *directWriter) clear() {
	clear(w.buffers)
	w.buffers, w.from = w.buffers[:0], 0
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
