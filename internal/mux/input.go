package mux

import (
	"io"
	"net"
	"sync/atomic"
)

const (
	smallInput = 4 << 10
	largeInput = 64 << 10
	bulkAhead  = 512 // what is read at a time, at least, between pieces of a large body

	// quietReads is how many reads in a row must have needed no more than a
	// small buffer until a large one is given up.
	quietReads = 64
)

// input reads a connection through a buffer. The buffer is small while little
// arrives, so that an idle connection costs little.
type input struct {
	conn   net.Conn
	reads  *atomic.Uint64 // counted for those who watch for signs of life
	before func()         // called before each read
	buf    []byte
	r, w   int // buf[r:w] is unread
	quiet  int // small reads in a row
	// bulk says that most of what comes next is read with full, so that it
	// would only be copied once more if it came through the buffer.
	bulk bool
}

// preload puts bytes that were read already before those of the connection.
func (in *input) preload(ahead []byte) {
	in.buf = make([]byte, max(smallInput, len(ahead)))
	in.r, in.w = 0, copy(in.buf, ahead)
}

// read reads the connection.
func (in *input) read(p []byte) (int, error) {
	in.before()
	n, err := in.conn.Read(p)
	if n > 0 {
		in.reads.Add(1)
	}
	return n, err
}

// need waits for n bytes and returns them without consuming them. They are
// valid until the next call. At the end of the connection it returns io.EOF if
// nothing was read and io.ErrUnexpectedEOF otherwise.
func (in *input) need(n int) ([]byte, error) {
	for in.w-in.r < n {
		in.makeRoom(n)
		space := in.buf[in.w:]
		if in.bulk {
			space = space[:min(len(space), max(n, bulkAhead))]
		}
		m, err := in.read(space)
		in.w += m
		if err != nil && in.w-in.r < n {
			if err == io.EOF && in.w > in.r {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return in.buf[in.r : in.r+n], nil
}

// makeRoom moves what is unread to the front and sees to it that n bytes fit.
// A buffer that was filled by one read grows: more is waiting. One that is hardly
// used for long shrinks.
func (in *input) makeRoom(n int) {
	if in.r == in.w {
		full := in.w == len(in.buf)
		if in.w > smallInput {
			in.quiet = 0
		} else {
			in.quiet++
		}
		in.r, in.w = 0, 0
		switch {
		case full && len(in.buf) < largeInput:
			in.buf = make([]byte, min(4*len(in.buf), largeInput))
		case in.quiet > quietReads && len(in.buf) > smallInput:
			in.buf, in.quiet = make([]byte, smallInput), 0
		}
	}
	if in.r+n <= len(in.buf) && in.w < len(in.buf) {
		return
	}
	buf := in.buf
	if n > len(buf) || in.r == 0 {
		buf = make([]byte, max(n, min(4*len(buf), largeInput)))
	}
	in.w = copy(buf, in.buf[in.r:in.w])
	in.r, in.buf = 0, buf
}

// buffered is how many bytes can be read without waiting.
func (in *input) buffered() int { return in.w - in.r }

// empty reports whether the next read is one of the connection.
func (in *input) empty() bool { return in.r == in.w }

// whole reports whether a frame, or what cannot be one, is in the buffer.
func (in *input) whole() bool {
	if in.w-in.r < headSize {
		return false
	}
	h, err := parseHead(in.buf[in.r : in.r+headSize])
	return err != nil || in.w-in.r >= headSize+h.length
}

// more waits for bytes. The buffer is empty.
func (in *input) more() error {
	in.makeRoom(1)
	n, err := in.read(in.buf[in.w:])
	in.w += n
	if n > 0 {
		err = nil
	}
	return err
}

func (in *input) skip(n int) { in.r += n }

// full fills p, what is buffered first and the rest from the connection.
func (in *input) full(p []byte) error {
	n := copy(p, in.buf[in.r:in.w])
	in.r += n
	for n < len(p) {
		m, err := in.read(p[n:])
		n += m
		if err != nil && n < len(p) {
			return unexpected(err)
		}
	}
	return nil
}

// discard consumes n bytes.
func (in *input) discard(n int) error {
	for n > 0 {
		if in.r == in.w {
			if _, err := in.need(1); err != nil {
				return unexpected(err)
			}
		}
		m := min(n, in.w-in.r)
		in.r += m
		n -= m
	}
	return nil
}

// unexpected turns the end of the connection within a frame into an error that
// cannot be mistaken for its regular end.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
