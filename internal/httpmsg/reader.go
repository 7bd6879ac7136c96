package httpmsg

import (
	"bytes"
	"io"
	"strconv"
	"time"

	"github.com/justcy/go-micro/v4/internal/budget"
)

const (
	// bufferSize is what a reader holds while it waits; most messages fit.
	bufferSize = 4 << 10
	// keepBuffer is the buffer size above which a reader returns to bufferSize
	// once the message that needed it is read.
	keepBuffer = 16 << 10
)

// Reader reads the messages of one connection. It must not be used
// concurrently. After any error but a timeout between messages (see Idle) the
// connection cannot be read further.
type Reader struct {
	// MaxBody limits a body in bytes.
	MaxBody int
	// Budget is charged for a body while it is read, as long as it has room: then
	// the message is refused with status 503. Nil has no limit.
	Budget *budget.Budget
	// HeadTimeout limits the time from a head's first byte to its last. Zero: no
	// limit. It counts only when the source has deadlines, as StallTimeout does.
	HeadTimeout time.Duration
	// StallTimeout limits the time in which at least one byte of a body has to
	// arrive. All of it has to arrive in that time and a second more for each
	// 500 bytes. Zero: no limit.
	StallTimeout time.Duration

	src      io.Reader
	deadline deadliner // nil when src has none
	until    time.Time // the deadline asked for by SetDeadline
	armed    bool      // the source's deadline is another than until
	inBody   bool
	pace     Pace // of the body
	charged  int  // for the body
	buf      []byte
	r, w     int // buf[r:w] is unread
}

type deadliner interface{ SetReadDeadline(time.Time) error }

// NewReader returns a reader of src, which the bytes of ahead precede.
func NewReader(src io.Reader, ahead []byte) *Reader {
	r := &Reader{src: src, buf: make([]byte, max(bufferSize, len(ahead)))}
	r.deadline, _ = src.(deadliner)
	r.w = copy(r.buf, ahead)
	return r
}

// SetDeadline sets the time after which reading fails; zero means never.
func (r *Reader) SetDeadline(t time.Time) {
	if r.deadline == nil || (t.IsZero() && r.until.IsZero() && !r.armed) {
		return
	}
	r.until, r.armed = t, false
	r.deadline.SetReadDeadline(t) //nolint:errcheck // a closed source fails the next read
}

// limit makes reading fail after d, if SetDeadline does not ask for less.
func (r *Reader) limit(d time.Duration) {
	if d <= 0 || r.deadline == nil {
		return
	}
	r.limitTo(time.Now().Add(d))
}

// limitBody is limit for a body.
func (r *Reader) limitBody() {
	if r.deadline == nil {
		return
	}
	if t, ok := r.pace.Deadline(); ok {
		r.limitTo(t)
	}
}

func (r *Reader) limitTo(t time.Time) {
	if !r.until.IsZero() && r.until.Before(t) {
		return
	}
	r.armed = true
	r.deadline.SetReadDeadline(t) //nolint:errcheck // a closed source fails the next read
}

// unlimit goes back to the deadline of SetDeadline.
func (r *Reader) unlimit() {
	if r.armed {
		r.armed = false
		r.deadline.SetReadDeadline(r.until) //nolint:errcheck // a closed source fails the next read
	}
}

// Idle reports whether the reader stands between two messages with nothing of
// the next one read.
func (r *Reader) Idle() bool { return r.r == r.w && !r.inBody }

// Buffered returns what was read from the source and not consumed. It is valid
// until the next call of another method.
func (r *Reader) Buffered() []byte { return r.buf[r.r:r.w] }

// ReadAhead waits until something is buffered. Alone among the methods it may
// be running when SetDeadline is called.
func (r *Reader) ReadAhead() error {
	if r.r < r.w {
		return nil
	}
	return r.fill(MaxHead)
}

// Whole reports whether a whole message is buffered. It knows of those without
// a body and with a Content-Length alone.
func (r *Reader) Whole() bool {
	head, body, ok := bytes.Cut(r.Buffered(), []byte("\r\n\r\n"))
	if !ok {
		return false
	}
	for line := range bytes.SplitSeq(head, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte{':'})
		switch {
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			return false
		case bytes.EqualFold(name, []byte("Content-Length")):
			size, err := strconv.Atoi(string(bytes.TrimSpace(value)))
			return err == nil && size <= len(body)
		}
	}
	return true
}

// fill reads more, after making room for at least one byte. The unread part
// may move but never grows past limit bytes.
func (r *Reader) fill(limit int) error {
	if r.r == r.w {
		r.r, r.w = 0, 0
	}
	if r.w == len(r.buf) {
		if r.r > 0 {
			r.w = copy(r.buf, r.buf[r.r:r.w])
			r.r = 0
		} else {
			bigger := make([]byte, min(2*len(r.buf), max(limit, len(r.buf)+1)))
			r.w = copy(bigger, r.buf[:r.w])
			r.buf = bigger
		}
	}
	for range 100 {
		n, err := r.src.Read(r.buf[r.w:])
		if n > 0 {
			r.w += n
			return nil
		}
		if err != nil {
			return err
		}
	}
	return io.ErrNoProgress
}

// release gives back a buffer that grew for a message which is now read.
func (r *Reader) release() {
	if len(r.buf) > keepBuffer && r.w-r.r <= bufferSize {
		small := make([]byte, bufferSize)
		r.w = copy(small, r.buf[r.r:r.w])
		r.r, r.buf = 0, small
	}
}

// PeekFirstLine waits for the first line of a message and returns it without
// its CRLF. Nothing is consumed. The line is valid until the next call.
func (r *Reader) PeekFirstLine() ([]byte, error) {
	if err := r.begin(); err != nil {
		return nil, err
	}
	for {
		unread := r.buf[r.r:r.w]
		if i := bytes.IndexByte(unread, '\n'); i > 0 && unread[i-1] == '\r' {
			return unread[:i-1], nil
		} else if i >= 0 {
			return nil, malformed("line does not end in CRLF")
		}
		if err := r.more(len(unread), maxFirstLine, "first line"); err != nil {
			return nil, err
		}
	}
}

// Skip consumes n of the bytes that Buffered returns: a line that PeekFirstLine
// returned, for instance, when it begins something else than a message.
func (r *Reader) Skip(n int) {
	r.r += min(n, r.w-r.r)
	r.unlimit()
}

// Wait waits for the first byte of a message and refuses what cannot be one.
func (r *Reader) Wait() error { return r.begin() }

// begin waits for the first byte of a message and refuses what cannot be one.
// An empty line before it is skipped, as RFC 9112 section 2.2 asks.
func (r *Reader) begin() error {
	for skipped := false; ; {
		if r.r == r.w {
			if err := r.fill(MaxHead); err != nil {
				return err
			}
		}
		if c := r.buf[r.r]; tokens[c] {
			return nil
		} else if c != '\r' || skipped {
			return malformed("not an HTTP message")
		}
		if r.w-r.r < 2 {
			if err := r.more(1, maxFirstLine, "first line"); err != nil {
				return err
			}
			continue
		}
		if r.buf[r.r+1] != '\n' {
			return malformed("not an HTTP message")
		}
		r.r += 2
		skipped = true
	}
}

// more reads on within a head of which have bytes are buffered.
func (r *Reader) more(have, limit int, what string) error {
	if have >= limit {
		return headTooLarge(what, limit)
	}
	if !r.armed {
		r.limit(r.HeadTimeout)
	}
	return unexpected(r.fill(limit))
}

// unexpected turns the end of the source within a message into an error that
// cannot be mistaken for its regular end.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// head waits for a whole head and consumes it. It returns the head without the
// empty line at its end, as one string that everything parsed from it shares,
// and the number of its lines.
func (r *Reader) head() (text string, lines int, err error) {
	if err := r.begin(); err != nil {
		return "", 0, err
	}
	for at := 0; ; { // at is where the line being looked for begins
		unread := r.buf[r.r:r.w]
		for {
			i := bytes.IndexByte(unread[at:], '\n')
			if i < 0 {
				break
			}
			if i == 0 || unread[at+i-1] != '\r' {
				return "", 0, malformed("line does not end in CRLF")
			}
			if i == 1 {
				text = string(unread[:at])
				r.r += at + 2
				return text, lines, nil
			}
			if lines == 0 && !bytes.Contains(unread[:i], []byte("HTTP/")) {
				return "", 0, malformed("not an HTTP message") // no use in waiting for the rest
			}
			if lines++; lines > MaxHeaderLines+1 {
				return "", 0, headTooLarge("header lines", MaxHeaderLines)
			}
			at += i + 1
		}
		limit, what := MaxHead, "header bytes"
		if at == 0 {
			limit, what = maxFirstLine, "first line"
		}
		if err := r.more(len(unread), limit, what); err != nil {
			return "", 0, err
		}
	}
}
