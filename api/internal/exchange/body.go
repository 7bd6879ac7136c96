package exchange

import (
	"bytes"
	stderrors "errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/budget"
)

const (
	// grace is how long a body or a response may stand still, and rate how many
	// bytes a second must move over time: what a peer is ahead of that it may rest,
	// but never for longer than the grace.
	grace = 30 * time.Second
	rate  = 16 << 10
	// bodyBuffer is the first buffer of a body that does not say its length, and
	// the most that is believed of one that does.
	bodyBuffer = 64 << 10
	// paceStep is after how many bytes the deadline of a body is set anew.
	paceStep = 64 << 10
)

// Bodies reads what clients send to a handler, within limits of one body and of all
// that are held at a time.
type Bodies struct {
	limit int64
	total *budget.Budget
}

// NewBodies returns a Bodies with a limit of one body and of all, in bytes.
func NewBodies(limit, total int64) *Bodies { return &Bodies{limit, budget.New(int(total))} }

// Read reads the body of a request. Its error is one to answer with: 413 for a body
// over the limit, 408 for one that comes too slowly, 503 when others hold too much.
// Held is released when the body is needed no more, after an error too.
func (b *Bodies) Read(w http.ResponseWriter, r *http.Request) (body []byte, held *Held, failure *errors.Error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil, nil
	}
	if r.ContentLength > b.limit {
		w.Header().Set("Connection", "close")
		return nil, nil, TooLarge(b.limit)
	}
	held = b.Reader(w, r)
	body, err := readAll(held, r.ContentLength)
	if err != nil {
		return nil, held, BodyError(err)
	}
	return body, held, nil
}

// Reader returns the body of a request, of which what was read counts as held.
// BodyError says what its errors are answered with.
func (b *Bodies) Reader(w http.ResponseWriter, r *http.Request) *Held {
	h := &Held{total: b.total, paced: newPaced(w, r, b.limit)}
	h.source = &h.paced
	return h
}

// Limited returns the body of a request, bounded in size and time. BodyError says
// what its errors are answered with.
func Limited(w http.ResponseWriter, r *http.Request, limit int64) io.ReadCloser {
	p := newPaced(w, r, limit)
	return &p
}

// Frame reads a frame of a WebSocket, which has limits of its own. It calls late when
// the frame comes too slowly, and goes on: late must see to it that the reader ends,
// and must not wait for that.
func (b *Bodies) Frame(r io.Reader, late func()) (frame []byte, held *Held, err error) {
	p := &pacedFrame{Reader: r, deadline: time.Now().Add(grace), late: time.AfterFunc(grace, late)}
	defer p.late.Stop()
	held = &Held{total: b.total, source: p}
	frame, err = readAll(held, -1)
	return frame, held, err
}

// pacedFrame is a frame that must come at the rate.
type pacedFrame struct {
	io.Reader
	deadline time.Time
	late     *time.Timer
}

func (p *pacedFrame) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b[:min(len(b), rate)]) // which returns when all of it has come
	now := time.Now()
	p.deadline = extended(p.deadline, n, now)
	p.late.Reset(p.deadline.Sub(now))
	return n, err
}

// ErrBusy is returned when too much is held already.
var ErrBusy = stderrors.New("the gateway holds as much of other requests as it may; try again")

// Held is a body that counts what was read of it.
type Held struct {
	source io.Reader
	total  *budget.Budget
	bytes  int
	paced  paced // the source, if that is the body of a request
}

func (h *Held) Read(b []byte) (int, error) {
	n, err := h.source.Read(b)
	if !h.total.Take(n) {
		return 0, ErrBusy
	}
	h.bytes += n
	return n, err
}

// Release ends the counting. It may be called again, and on nil.
func (h *Held) Release() {
	if h != nil {
		h.total.Give(h.bytes)
		h.bytes = 0
	}
}

// BodyError is the answer to a request whose body could not be read.
func BodyError(err error) *errors.Error {
	var large *http.MaxBytesError
	switch {
	case stderrors.As(err, &large):
		return TooLarge(large.Limit)
	case stderrors.Is(err, ErrBusy):
		return newError(http.StatusServiceUnavailable, err.Error())
	case stderrors.Is(err, os.ErrDeadlineExceeded):
		return newError(http.StatusRequestTimeout, "the body of the request comes too slowly")
	}
	return BadRequest("cannot read the body of the request: " + err.Error())
}

func readAll(r io.Reader, length int64) ([]byte, error) {
	var b bytes.Buffer
	if length < 0 {
		length = 512
	}
	b.Grow(int(min(length, bodyBuffer)) + bytes.MinRead)
	_, err := b.ReadFrom(r)
	return b.Bytes(), err
}

// paced is a body that must come at the rate.
type paced struct {
	io.ReadCloser
	w        http.ResponseWriter
	deadline time.Time
	set      bool // the deadline is the connection's
	n        int  // bytes since then
	done     bool
}

func newPaced(w http.ResponseWriter, r *http.Request, limit int64) paced {
	return paced{ReadCloser: http.MaxBytesReader(w, r.Body, limit), w: w, deadline: time.Now().Add(grace)}
}

func (p *paced) Read(b []byte) (int, error) {
	if !p.set || p.n >= paceStep { // small bodies need one deadline
		p.deadline = extended(p.deadline, p.n, time.Now())
		p.set, p.n = true, 0
		_ = http.NewResponseController(p.w).SetReadDeadline(p.deadline) // what has no deadlines is no connection
	}
	n, err := p.ReadCloser.Read(b)
	p.n += n
	if err != nil && !p.done {
		p.done = true
		if !stderrors.Is(err, os.ErrDeadlineExceeded) {
			_ = http.NewResponseController(p.w).SetReadDeadline(time.Time{})
		}
	}
	return n, err
}

// extended is a deadline after n more bytes have come.
func extended(deadline time.Time, n int, now time.Time) time.Time {
	deadline = deadline.Add(time.Duration(n) * time.Second / rate)
	if latest := now.Add(grace); deadline.After(latest) {
		return latest
	}
	return deadline
}
