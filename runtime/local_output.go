package runtime

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/justcy/go-micro/v4/internal/child"
	"github.com/justcy/go-micro/v4/internal/logfile"
	"github.com/justcy/go-micro/v4/logger"
)

// maxChunk is how many bytes of output are handled at a time, and how long a line
// is waited for to end.
const maxChunk = 64 << 10

// output is where both outputs of a process go, whole lines at a time.
type output struct {
	runtime *local
	name    string // of the service

	mu   sync.Mutex // serialises writing, and guards what follows
	log  *logfile.File
	tee  io.Writer // nil when there is none, or when it failed
	lost bool      // the log could not be written
}

// write writes whole lines.
func (o *output) write(p []byte) {
	if lost, untold := o.writeAll(p); lost != nil {
		o.runtime.log(logger.ErrorLevel, "Runtime loses what service %s writes: %v", o.name, lost)
	} else if untold != nil {
		o.runtime.log(logger.WarnLevel, "Runtime writes no more output of service %s: %v", o.name, untold)
	}
}

// writeAll returns why the log lost something, the first time, and why nothing is
// written beside it any more.
func (o *output) writeAll(p []byte) (lost, untold error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, err := o.log.Write(p); err != nil && !o.lost {
		o.lost, lost = true, err
	}
	if o.tee != nil {
		if _, err := o.tee.Write(p); err != nil {
			o.tee, untold = nil, err
		}
	}
	return lost, untold
}

// copy writes the lines that come out of a pipe, up to its end. Nothing is taken out
// of it that was not written yet, where that is possible, but for the beginning of a
// line, which is kept in another pipe: should this process die meanwhile, the guardian
// of the process finds it there.
func (o *output) copy(pipe *os.File, kept child.Pipe) {
	defer pipe.Close()
	defer kept.Close()
	in := newPeeker(pipe, kept)
	defer in.close()
	var rest []byte // the beginning of a line
	for {
		p, err := in.peek()
		if err != nil {
			break
		}
		end := bytes.LastIndexByte(p, '\n') + 1
		if end == 0 && len(rest)+len(p) > maxChunk {
			end = len(p) // too long a line to wait for its end
		}
		if end > 0 {
			o.write(append(rest, p[:end]...))
			rest = rest[:0]
		}
		rest = append(rest, p[end:]...)
		if end > 0 {
			err = errors.Join(in.drop(), in.take(end))
		}
		if err != nil || in.keep(len(p)-end, rest) != nil {
			break
		}
	}
	if len(rest) > 0 {
		o.write(append(rest, '\n'))
	}
}
