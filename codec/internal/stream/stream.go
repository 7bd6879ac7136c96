// Package stream reads and writes the streams under codecs, without copies
// where the stream keeps its bytes in memory.
package stream

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/justcy/go-micro/v4/codec"
)

// readStep is the most memory that is taken on the word of a peer.
const readStep = 64 << 10

// View consumes r to its end and returns the bytes, which are valid until r is
// used again.
func View(r io.Reader) ([]byte, error) {
	if b, ok := r.(codec.Buffered); ok {
		return b.Next(len(b.Bytes())), nil
	}
	return io.ReadAll(r)
}

// ceder is a stream that may have no use for its bytes once they are consumed.
type ceder interface {
	// Cede consumes the stream to its end and returns the bytes. They belong to
	// the caller if owned, and are valid until the stream is used again if not.
	Cede() (data []byte, owned bool)
}

// Own is View, but the bytes belong to the caller if owned.
func Own(r io.Reader) (data []byte, owned bool, err error) {
	if c, ok := r.(ceder); ok {
		data, owned = c.Cede()
		return data, owned, nil
	}
	_, held := r.(codec.Buffered)
	data, err = View(r)
	return data, !held, err
}

// Take consumes r to its end and returns the bytes, which belong to the caller.
func Take(r io.Reader) ([]byte, error) {
	if b, ok := r.(codec.Buffered); ok {
		return append([]byte{}, b.Next(len(b.Bytes()))...), nil
	}
	return io.ReadAll(r)
}

// Discard consumes r to its end.
func Discard(r io.Reader) error {
	if b, ok := r.(codec.Buffered); ok {
		b.Next(len(b.Bytes()))
		return nil
	}
	_, err := io.Copy(io.Discard, r)
	return err
}

// Fixed consumes exactly n bytes of r and returns them, valid until r is used
// again. It returns io.EOF when there is nothing left, and
// io.ErrUnexpectedEOF when there is less.
func Fixed(r io.Reader, n int) ([]byte, error) {
	if b, ok := r.(codec.Buffered); ok {
		return fixedView(b, n)
	}
	out := make([]byte, 0, min(n, readStep))
	for len(out) < n {
		step := min(n-len(out), max(readStep, len(out)))
		out = slices.Grow(out, step)
		k, err := io.ReadFull(r, out[len(out):len(out)+step])
		out = out[:len(out)+k]
		if err != nil {
			return nil, endError(err, len(out))
		}
	}
	return out, nil
}

func fixedView(b codec.Buffered, n int) ([]byte, error) {
	if have := len(b.Bytes()); have < n {
		b.Next(have)
		return nil, endError(io.EOF, have)
	}
	return b.Next(n), nil
}

// endError makes the end of a stream unexpected when it comes after some bytes.
func endError(err error, have int) error {
	if err == io.EOF && have > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Holds reports whether r has that many bytes in memory. Whoever put them there
// has decided how many there may be.
func Holds(r io.Reader, n int64) bool {
	b, ok := r.(codec.Buffered)
	return ok && n <= int64(len(b.Bytes()))
}

// Frame consumes a frame of r, a length of four bytes and that many bytes, and
// returns the latter, valid until r is used again. Frames longer than limit are
// an error, unless r holds the whole of them. A frame that does not end is io.ErrUnexpectedEOF; io.EOF means that
// there is none.
func Frame(r io.Reader, limit int) ([]byte, error) {
	head, err := Fixed(r, 4)
	if err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head)
	if uint64(n) > uint64(max(limit, 0)) && !Holds(r, int64(n)) {
		return nil, fmt.Errorf("frame of %d bytes exceeds the limit of %d", n, limit)
	}
	if n == 0 {
		return nil, nil
	}
	body, err := Fixed(r, int(n))
	return body, endError(err, len(head))
}

// Space returns an empty slice to which size bytes can be appended and which
// is then to be written to w at once.
func Space(w io.Writer, size int) []byte {
	if a, ok := w.(codec.Appender); ok {
		a.Grow(size)
		return a.AvailableBuffer()
	}
	return make([]byte, 0, size)
}

// Write writes b to w, all of it or an error.
func Write(w io.Writer, b []byte) error {
	n, err := w.Write(b)
	if err == nil && n < len(b) {
		return io.ErrShortWrite
	}
	return err
}
