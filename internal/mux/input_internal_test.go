package mux

import (
	"net"
	"sync/atomic"
	"testing"
)

// filling is a connection of which a read returns so many bytes, if they fit.
type filling struct {
	net.Conn
	bytes int
}

func (f *filling) Read(p []byte) (int, error) { return min(f.bytes, len(p)), nil }

func TestTheBufferOfAConnectionGrowsAndShrinksWithWhatArrives(t *testing.T) {
	conn := &filling{bytes: largeInput}
	in := &input{conn: conn, reads: new(atomic.Uint64), before: func() {}}
	in.preload(nil)
	reads := func(n int) {
		for range n {
			if _, err := in.need(1); err != nil {
				t.Fatal(err)
			}
			in.skip(in.buffered())
		}
	}
	if len(in.buf) != smallInput {
		t.Errorf("a new connection has a buffer of %d bytes", len(in.buf))
	}
	reads(10)
	if len(in.buf) != largeInput {
		t.Errorf("a busy connection has a buffer of %d bytes", len(in.buf))
	}
	conn.bytes = 100
	reads(quietReads / 2)
	if len(in.buf) != largeInput {
		t.Error("a short pause shrinks the buffer")
	}
	reads(quietReads)
	if len(in.buf) != smallInput {
		t.Errorf("a connection that has become quiet has a buffer of %d bytes", len(in.buf))
	}
}
