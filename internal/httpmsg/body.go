package httpmsg

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
)

// firstRead is how much memory a message gets on its word alone. From there it
// grows with what has really arrived.
const firstRead = 4 << 10

// growth is how many times what has arrived is made room for next. Each step
// copies, so large bodies want few of them.
const growth = 15

// part reads the next size bytes of a body behind those it has. Of more than
// MaxBody altogether it reads nothing, or as many as may be if cut is set.
func (r *Reader) part(body []byte, size int64, cut bool) ([]byte, error) {
	room := r.MaxBody - len(body)
	if size <= int64(room) {
		return r.append(body, int(size))
	}
	if cut {
		var err error
		if body, err = r.append(body, room); err != nil {
			return body, err
		}
	}
	return body, bodyTooLarge(r.MaxBody)
}

// append reads n bytes behind those of b. What arrived before an error is
// returned with it.
func (r *Reader) append(b []byte, n int) ([]byte, error) {
	for n > 0 {
		if free := cap(b) - len(b); free == 0 {
			arrived := len(b) + r.w - r.r
			more := min(n, max(firstRead, growth*arrived))
			if err := r.charge(more); err != nil {
				return b, err
			}
			b = slices.Grow(b, more)
		}
		step := b[len(b):min(cap(b), len(b)+n)]
		got, err := r.full(step)
		b = b[:len(b)+got]
		n -= got
		if err != nil {
			return b, err
		}
	}
	return b, nil
}

// charge claims n bytes for the body.
func (r *Reader) charge(n int) error {
	if !r.Budget.Take(n) {
		return &Error{Status: http.StatusServiceUnavailable, Detail: r.Budget.Full()}
	}
	r.charged += n
	return nil
}

// full fills p, first from the buffer and then straight from the source. It
// returns how much arrived.
func (r *Reader) full(p []byte) (int, error) {
	n := copy(p, r.buf[r.r:r.w])
	r.r += n
	for n < len(p) {
		r.limitBody()
		if len(p)-n < bufferSize {
			if err := unexpected(r.fill(bufferSize)); err != nil {
				return n, err
			}
			r.pace.Got(r.w - r.r)
			m := copy(p[n:], r.buf[r.r:r.w])
			r.r += m
			n += m
			continue
		}
		m, err := r.src.Read(p[n:])
		r.pace.Got(m)
		n += m
		if err != nil && n < len(p) {
			return n, unexpected(err)
		}
	}
	return n, nil
}

// chunked reads a body in chunks, like part, and the trailer after it, which is
// dropped.
func (r *Reader) chunked(cut bool) ([]byte, error) {
	body := []byte{}
	for {
		line, err := r.line(maxChunkLine, "chunk size line")
		if err != nil {
			return body, err
		}
		size, err := chunkSize(line)
		if err != nil {
			return body, err
		}
		if size == 0 {
			return body, r.trailer()
		}
		if body, err = r.part(body, size, cut); err != nil {
			return body, err
		}
		var end [2]byte
		if _, err := r.full(end[:]); err != nil {
			return body, err
		}
		if end != [2]byte{'\r', '\n'} {
			return body, malformed("chunk does not end where its size says")
		}
	}
}

// chunkSize parses a chunk's size, hexadecimal digits alone, which an extension
// after a semicolon may follow.
func chunkSize(line []byte) (int64, error) {
	digits, extension, _ := bytes.Cut(line, []byte{';'})
	if !ValidValue(string(extension)) {
		return 0, malformed("invalid chunk extension")
	}
	digits = bytes.TrimRight(digits, " \t")
	if len(digits) == 0 || len(digits) > 15 {
		return 0, malformed("invalid chunk size")
	}
	var size int64
	for _, c := range digits {
		switch {
		case '0' <= c && c <= '9':
			size = size<<4 | int64(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			size = size<<4 | int64(c|0x20-'a'+10)
		default:
			return 0, malformed("invalid chunk size")
		}
	}
	return size, nil
}

// trailer reads the header lines behind the last chunk.
func (r *Reader) trailer() error {
	for total := 0; total <= maxTrailer; {
		line, err := r.line(maxTrailer, "trailer")
		if err != nil || len(line) == 0 {
			return err
		}
		total += len(line) + 2
		name, value, ok := strings.Cut(string(line), ":")
		if !ok || canonicalName(name) == "" || !ValidValue(value) {
			return malformed("invalid trailer")
		}
	}
	return headTooLarge("trailer", maxTrailer)
}

// line consumes one line and returns it without its CRLF. It is valid until
// the next call.
func (r *Reader) line(limit int, what string) ([]byte, error) {
	for {
		unread := r.buf[r.r:r.w]
		if i := bytes.IndexByte(unread, '\n'); i >= 0 {
			if i == 0 || unread[i-1] != '\r' {
				return nil, malformed("line does not end in CRLF")
			}
			if i > limit {
				return nil, headTooLarge(what, limit)
			}
			r.r += i + 1
			return unread[:i-1], nil
		}
		if len(unread) >= limit {
			return nil, headTooLarge(what, limit)
		}
		r.limitBody()
		if err := unexpected(r.fill(limit)); err != nil {
			return nil, err
		}
		r.pace.Got(r.w - r.r - len(unread))
	}
}
