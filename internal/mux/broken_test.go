//go:build unix

package mux_test

import (
	"encoding/binary"
	"errors"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/seal"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// A peer that is gone takes nothing: the writes fail before the end of reading says
// so. What was written before may have been executed, what was not may be repeated.
func TestWhatTheSystemDidNotTakeIsNotSent(t *testing.T) {
	for name, second := range map[string]func(*mux.Conn) error{
		"call": func(c *mux.Conn) error {
			return mux.NewCall().Do(c, &wire.Request{Body: []byte("second")}, new(wire.Reply))
		},
		"stream": func(c *mux.Conn) error {
			s, err := c.Open()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Open(&wire.Request{Body: []byte("second")}); err != nil {
				return err
			}
			_, err = s.RecvHeader(new(wire.Header))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			plainAndSecured(t, func(t *testing.T, a, b net.Conn) {
				peer, c := &raw{t, a}, running(t, a, mux.Config{Conn: b})
				first := make(chan error, 1)
				go func() {
					first <- mux.NewCall().Do(c, &wire.Request{Body: []byte("first")}, new(wire.Reply))
				}()
				for f, ok := peer.read(); ok && f.Kind != mux.KindMessage; f, ok = peer.read() {
				}
				if under := seal.Under(b); under != nil {
					b = under.Conn
				}
				if err := b.(*net.TCPConn).CloseWrite(); err != nil { // writes fail from here on
					t.Fatal(err)
				}
				if err := second(c); !errors.Is(err, wire.ErrNotSent) {
					t.Errorf("what was not written fails with %v, want %v", err, wire.ErrNotSent)
				}
				testkit.Eventually(t, "the connection ends", func() bool { return !c.Usable() })
				if err := <-first; err == nil || errors.Is(err, wire.ErrNotSent) {
					t.Errorf("what was written fails with %v, which should not say that it was not", err)
				}
			})
		})
	}
}

// A message whose last bytes wait in a write when the connection is lost has no
// other place where its sender could be found.
func TestSendersReturnWhenTheConnectionIsLostBesideTheirLastBytes(t *testing.T) {
	const calls = 256
	var sending sync.WaitGroup
	var sent atomic.Int64
	sending.Add(calls)
	p, c := rawClient(t, mux.Config{}, func(s *mux.Socket, _ wire.Header, _ []byte, _ bool) {
		go func() {
			defer sending.Done()
			defer s.Close()
			if s.SendFields(nil, make([]byte, 60<<10)) == nil {
				sent.Add(1)
			}
		}()
	})
	p.write(mux.Frame{Kind: mux.KindWindow, Payload: binary.BigEndian.AppendUint32(nil, 64<<20)})
	for i := range uint32(calls) {
		p.write(mux.Frame{Kind: mux.KindMessage, Flags: openCall, Socket: i + 1, Payload: mux.Begin(openCall, "", 0, nil)})
	}
	last := int64(-1)
	testkit.Eventually(t, "the connection takes nothing more", func() bool {
		time.Sleep(100 * time.Millisecond)
		n := sent.Load()
		stuck := n == last && n > 0
		last = n
		return stuck
	})
	if last == calls {
		t.Fatal("the system has taken everything")
	}
	p.conn.Close()
	sending.Wait()
	runtime.KeepAlive(c)
}
