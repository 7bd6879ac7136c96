package runtime

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"
)

// maxPipe is how many bytes a pipe holds.
const maxPipe = 1 << 20

// nonBlock is SPLICE_F_NONBLOCK.
const nonBlock = 2

// peeker reads a pipe in two steps: what was looked at is in it until it is
// taken.
type peeker struct {
	pipe *os.File
	conn syscall.RawConn // of pipe
	r, w *os.File        // a pipe for the copy; nil when there is none to be had
	to   syscall.RawConn // of w
	buf  []byte
	left int // bytes that are still read once the deadline has passed
	late bool
}

func newPeeker(pipe *os.File) *peeker {
	p := &peeker{pipe: pipe, buf: make([]byte, maxChunk), left: maxPipe}
	p.conn, _ = pipe.SyscallConn() // fails for closed files alone
	if r, w, err := os.Pipe(); err == nil {
		p.r, p.w = r, w
		p.to, _ = w.SyscallConn()
	}
	return p
}

// peek waits for output and returns it, valid until take. At the end of the pipe
// the error is io.EOF. Once the pipe's deadline has passed, what is in it is still
// read.
func (p *peeker) peek() ([]byte, error) {
	n, err := p.look()
	if p.expired(err) {
		n, err = p.look()
	}
	if p.late {
		p.left -= n
	}
	switch {
	case err != nil:
		return nil, err
	case n == 0 || p.left < 0:
		return nil, io.EOF
	case p.r == nil:
		return p.buf[:n], nil
	}
	return p.buf[:n], p.fill(p.r, n)
}

// look copies what is in the pipe, and waits for something to be there unless it
// is late.
func (p *peeker) look() (int, error) {
	var n int
	var failed error
	err := p.conn.Read(func(fd uintptr) bool {
		for failed = syscall.EINTR; failed == syscall.EINTR; {
			n, failed = p.copy(int(fd))
		}
		return p.late || failed != syscall.EAGAIN
	})
	if failed == syscall.EAGAIN {
		n, failed = 0, nil
	}
	return n, firstOf(err, failed)
}

// copy copies from the pipe without taking it out, if there is a pipe to copy to.
func (p *peeker) copy(from int) (int, error) {
	if p.r == nil {
		n, err := syscall.Read(from, p.buf)
		return max(n, 0), err
	}
	var n int64
	var err error
	failed := p.to.Control(func(to uintptr) { n, err = syscall.Tee(from, int(to), len(p.buf), nonBlock) })
	return int(max(n, 0)), firstOf(failed, err)
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// fill reads n bytes, which are there.
func (p *peeker) fill(from *os.File, n int) error {
	_, err := io.ReadFull(from, p.buf[:n])
	return err
}

// take takes n bytes out of the pipe that were looked at.
func (p *peeker) take(n int) error {
	if p.r == nil {
		return nil
	}
	taken, err := io.ReadFull(p.pipe, p.buf[:n])
	if p.expired(err) {
		_, err = io.ReadFull(p.pipe, p.buf[taken:n])
	}
	return err
}

// expired reports whether err says that the deadline has passed, and puts it off:
// from now on nothing is waited for.
func (p *peeker) expired(err error) bool {
	if p.late || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	p.late = true
	return p.pipe.SetReadDeadline(time.Time{}) == nil
}

func (p *peeker) close() {
	if p.r != nil {
		p.r.Close()
		p.w.Close()
	}
}
