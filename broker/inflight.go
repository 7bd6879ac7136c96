package broker

import (
	"errors"
	"io"
	"sync/atomic"
)

const (
	// leastInFlight is how much the bodies of requests may take together while
	// they arrive and are handled, in bytes, or more when messages may be large.
	leastInFlight = 64 << 20
	// maxConns is how many connections a broker listens to at once. Others wait to
	// be accepted.
	maxConns = 4096
)

// errInFlight says that there is no room for another message now. Publishers try
// again.
var errInFlight = errors.New("too many messages are being received, try again")

// maxInFlight is the bound when a request may have limit bytes.
func maxInFlight(limit int) int64 { return max(leastInFlight, 4*int64(limit)) }

// inFlight counts the bytes of all requests.
type inFlight struct{ bytes atomic.Int64 }

// share is the part of one request.
type share struct {
	all   *inFlight
	limit int64 // of all
	own   int64
}

func (f *inFlight) share(limit int64) *share { return &share{all: f, limit: limit} }

// take adds n bytes unless that is too much for all.
func (s *share) take(n int) error {
	if s.all.bytes.Add(int64(n)) > s.limit {
		s.all.bytes.Add(-int64(n))
		return errInFlight
	}
	s.own += int64(n)
	return nil
}

func (s *share) release() { s.all.bytes.Add(-s.own) }

// reader counts what is read from r.
func (s *share) reader(r io.Reader) io.Reader { return &countingReader{r, s} }

type countingReader struct {
	io.Reader
	share *share
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if full := c.share.take(n); full != nil {
		return 0, full
	}
	return n, err
}
