package exchange

import (
	"bytes"
	stderrors "errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/justcy/go-micro/v4/errors"
)

const (
	// bodyGrace and bodyRate bound how long a body may take: the grace, and a
	// second for as many bytes.
	bodyGrace = 30 * time.Second
	bodyRate  = 16 << 10
	// bodyBuffer is the first buffer of a body that does not say its length, and
	// the most that is believed of one that does.
	bodyBuffer = 64 << 10
)

// Body reads the body of a request of at most limit bytes. Its error is one to
// answer with: 413 for a longer body, 408 for one that comes too slowly.
func Body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *errors.Error) {
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return nil, TooLarge(limit)
	}
	body, err := readAll(Limited(w, r, limit), r.ContentLength)
	if err == nil {
		return body, nil
	}
	return nil, BodyError(err)
}

// Limited returns the body of a request, bounded in size and time.
func Limited(w http.ResponseWriter, r *http.Request, limit int64) io.Reader {
	return &paced{
		body:  http.MaxBytesReader(w, r.Body, limit),
		conn:  http.NewResponseController(w),
		start: time.Now(),
	}
}

// BodyError is the answer to a request whose body could not be read.
func BodyError(err error) *errors.Error {
	var large *http.MaxBytesError
	switch {
	case stderrors.As(err, &large):
		return TooLarge(large.Limit)
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

// paced is a body that must come at a rate.
type paced struct {
	body  io.Reader
	conn  *http.ResponseController
	start time.Time
	n     int64
	done  bool
}

func (p *paced) Read(b []byte) (int, error) {
	if p.n == 0 || p.n >= bodyBuffer { // small bodies need one deadline
		limit := bodyGrace + time.Duration(p.n/bodyRate)*time.Second
		_ = p.conn.SetReadDeadline(p.start.Add(limit)) // what has no deadlines is no connection
	}
	n, err := p.body.Read(b)
	p.n += int64(n)
	if err != nil && !p.done {
		p.done = true
		if !stderrors.Is(err, os.ErrDeadlineExceeded) {
			_ = p.conn.SetReadDeadline(time.Time{})
		}
	}
	return n, err
}
