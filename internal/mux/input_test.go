package mux_test

import (
	"bytes"
	"net"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
)

// readSizes is a connection that notes the largest read since it was reset.
type readSizes struct {
	net.Conn
	largest atomic.Int64
}

func (c *readSizes) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if int64(len(p)) > c.largest.Load() {
		c.largest.Store(int64(len(p)))
	}
	return n, err
}

// What was read for a large body must not slow down the messages after it, also
// when the body never comes to its end.
func TestReadsAreLargeAgainAfterALargeBody(t *testing.T) {
	a, b := tcp(t)
	t.Cleanup(func() { a.Close() })
	conn := &readSizes{Conn: b}
	serve(t, conn, mux.Config{}, echo)
	piece := string(make([]byte, mux.MaxPayload-6))
	a.Write([]byte(opening(1, begin(0, 0, ""))))
	a.Write([]byte(opening(2, begin(0, 1<<20, piece)) + mux.Frame(mux.KindReset, 0, 2, "\x00")))
	small := message(1, "hello")
	want := []byte(mux.Frame(mux.KindMessage, mux.FlagBegin, 1, begin(0, 0, "")))
	for range 10 {
		a.Write([]byte(small))
		want = append(want, small...)
	}
	sent := &withoutCredit{r: a}
	expectWire(t, sent, string(want))
	conn.largest.Store(0)
	a.Write(bytes.Repeat([]byte(small), 2))
	expectWire(t, sent, small+small)
	if n := conn.largest.Load(); n < 1<<10 {
		t.Errorf("the connection is read by %d bytes", n)
	}
}

func BenchmarkLargeBody(b *testing.B) { benchmarkEcho(b, 1, 8<<20) }
