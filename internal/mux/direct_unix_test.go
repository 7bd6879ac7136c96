//go:build unix

package mux

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// tcpPair returns the two ends of a connection.
func tcpPair(t *testing.T) (a, b net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if a, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if b, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return a, b
}

// fillUp writes until the connection takes nothing more, and returns how much it
// took.
func fillUp(t *testing.T, w *directWriter) (all int) {
	t.Helper()
	for {
		w.add(make([]byte, 64<<10))
		n, err := w.writeAdded()
		if err != nil {
			t.Fatal(err)
		}
		if all += n; n == 0 {
			return all
		}
	}
}

func TestRoomThatWasThereBeforeTheWaitIsUsed(t *testing.T) {
	a, b := tcpPair(t)
	w := newDirectWriter(a)
	if _, err := io.CopyN(io.Discard, b, int64(fillUp(t, w))); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // most of the time the system has told of the room by then
	err := w.wait(a, 30*time.Second, func() bool {
		w.add([]byte("more"))
		n, err := w.writeAdded()
		return err != nil || n > 0
	})
	if err != nil {
		t.Errorf("there is room, but %v", err)
	}
}

func TestAWaitForRoomEndsAtItsLimit(t *testing.T) {
	a, _ := tcpPair(t)
	w := newDirectWriter(a)
	fillUp(t, w)
	err := w.wait(a, 50*time.Millisecond, func() bool { return false })
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the wait ended with %v", err)
	}
}
