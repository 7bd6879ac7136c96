package runtime

import (
	"errors"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/justcy/go-micro/v4/internal/child"
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

	kept  child.Pipe      // has the beginning of a line
	store syscall.RawConn // of its writing end
	held  int             // bytes in it
}

func newPeeker(pipe *os.File, kept child.Pipe) *peeker {
	p := &peeker{pipe: pipe, kept: kept, buf: make([]byte, maxChunk), left: maxPipe}
	p.conn, _ = pipe.SyscallConn() // fails for closed files alone
	p.store, _ = kept.W.SyscallConn()
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

// keep moves the next n bytes that were looked at into the pipe for the beginning of a
// line, which is all with them. They are in one of the pipes at any time.
func (p *peeker) keep(n int, all []byte) error {
	if n == 0 || p.r == nil {
		return nil
	}
	moved, err := p.move(n)
	if p.held += moved; err != nil || moved == n {
		return err
	}
	// It came in more pieces than a pipe has room for. In one piece it fits.
	if err := errors.Join(p.drop(), p.take(n-moved)); err != nil {
		return err
	}
	p.held, err = p.kept.W.Write(all)
	return err
}

// move moves bytes, and fewer when there is no more room.
func (p *peeker) move(n int) (moved int, err error) {
	var failed error
	closed := p.conn.Control(func(from uintptr) {
		failed = p.store.Control(func(to uintptr) {
			for moved < n && err == nil {
				m, problem := syscall.Splice(int(from), nil, int(to), nil, n-moved, nonBlock)
				if moved += int(max(m, 0)); problem != syscall.EINTR {
					err = problem
				}
				if m == 0 && err == nil {
					err = io.ErrUnexpectedEOF // somebody else has taken it
				}
			}
		})
	})
	if err == syscall.EAGAIN {
		err = nil
	}
	return moved, firstOf(closed, firstOf(failed, err))
}

// drop empties the pipe for the beginning of a line.
func (p *peeker) drop() error {
	n := p.held
	p.held = 0
	_, err := io.ReadFull(p.kept.R, p.buf[:n])
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
