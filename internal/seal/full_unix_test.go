//go:build unix

package seal_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
)

// full is a connection that takes nothing without waiting.
type full struct {
	net.Conn
	raw syscall.RawConn // of something that is full
}

func (f *full) SyscallConn() (syscall.RawConn, error) { return f.raw, nil }

func TestTheEndIsWrittenAlthoughThereIsNoRoomForItAtFirst(t *testing.T) {
	_, w := fullPipe(t)
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	c, _, peer := pair(t, func(conn net.Conn) net.Conn { return &full{conn, raw} })
	c.Conn.Write(sealed(t, c, []byte("last"), nil))
	c.Sent()
	if err := c.CloseWrite(testkit.Patience); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(peer); err != nil || string(got) != "last" {
		t.Errorf("the peer reads %q, %v", got, err)
	}
}

// fullPipe returns a pipe that takes nothing more.
func fullPipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	w.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := w.Write(make([]byte, 4<<20)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("filling a pipe: %v", err)
	}
	w.SetWriteDeadline(time.Time{})
	return r, w
}
