//go:build !linux

package runtime

import (
	"os"

	"github.com/justcy/go-micro/v4/internal/child"
)

// peeker reads a pipe. What was looked at is out of it.
type peeker struct {
	pipe *os.File
	buf  []byte
}

func newPeeker(pipe *os.File, _ child.Pipe) *peeker {
	return &peeker{pipe: pipe, buf: make([]byte, maxChunk)}
}

// peek waits for output and returns it, valid until take. At the end of the pipe
// the error is io.EOF.
func (p *peeker) peek() ([]byte, error) {
	n, err := p.pipe.Read(p.buf)
	if n > 0 {
		err = nil
	}
	return p.buf[:n], err
}

func (p *peeker) take(int) error         { return nil }
func (p *peeker) keep(int, []byte) error { return nil }
func (p *peeker) drop() error            { return nil }
func (p *peeker) close()                 {}
