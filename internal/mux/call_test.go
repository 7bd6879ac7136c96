package mux_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/internal/wire"
)

func TestACallGetsItsReply(t *testing.T) {
	p := newPair(t, mux.Config{}, mux.Config{}, echo)
	for i := range 100 {
		want := fmt.Appendf(nil, "request %d", i)
		if got, err := call(p.client, uint64(i), want); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("call %d: %q, %v", i, got, err)
		}
	}
}

func TestConcurrentCallsGetTheirOwnReplies(t *testing.T) {
	plainAndSecured(t, func(t *testing.T, dialled, accepted net.Conn) {
		p := runPair(t, mux.Config{Conn: dialled}, mux.Config{Conn: accepted}, echo)
		var callers sync.WaitGroup
		for n := range 64 {
			callers.Go(func() {
				for i := range 100 {
					want := bytes.Repeat([]byte{byte(n), byte(i)}, 1+n*i)
					if got, err := call(p.client, uint64(i), want); err != nil || !bytes.Equal(got, want) {
						t.Errorf("caller %d, call %d: %d bytes, want %d, %v", n, i, len(got), len(want), err)
						return
					}
				}
			})
		}
		callers.Wait()
	})
}

func TestLargeCallsShareAConnection(t *testing.T) {
	plainAndSecured(t, func(t *testing.T, dialled, accepted net.Conn) {
		p := runPair(t, mux.Config{Conn: dialled}, mux.Config{Conn: accepted}, echo)
		var callers sync.WaitGroup
		for n := range 24 {
			callers.Go(func() {
				want := bytes.Repeat([]byte{byte(n), 7, 9}, 1<<20)
				for range 4 {
					if got, err := call(p.client, 0, want); err != nil || !bytes.Equal(got, want) {
						t.Errorf("caller %d: %d bytes, want %d, %v", n, len(got), len(want), err)
						return
					}
				}
			})
		}
		callers.Wait()
	})
}

func TestABrokenCallEndsAtOnce(t *testing.T) {
	plainAndSecured(t, func(t *testing.T, dialled, accepted net.Conn) {
		ended := make(chan error, 1)
		p := runPair(t, mux.Config{Conn: dialled}, mux.Config{Conn: accepted}, func(s *mux.Socket, _ wire.Header, _ []byte, _ bool) {
			s.OnEnd(ender(ended))
		})
		k := mux.NewCall()
		result := make(chan error, 1)
		go func() {
			var reply wire.Reply
			result <- k.Do(p.client, &wire.Request{ID: 1}, &reply)
		}()
		testkit.Eventually(t, "the server has the call", func() bool { return p.server.Opened() == 1 })
		why := errors.New("given up")
		k.Break(why, false)
		if err := <-result; err != why {
			t.Errorf("Do: %v", err)
		}
		if err := <-ended; err == nil {
			t.Error("the server was not told")
		}
	})
}

// ender passes on why something has ended.
type ender chan error

func (e ender) Ended(err error) { e <- err }

func TestASocketCarriesMessagesBothWays(t *testing.T) {
	plainAndSecured(t, func(t *testing.T, dialled, accepted net.Conn) {
		p := runPair(t, mux.Config{Conn: dialled}, mux.Config{Conn: accepted}, echo)
		s, err := p.client.Open()
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range 200 {
			want := bytes.Repeat([]byte{byte(i)}, i*500)
			if err := s.SendFields([]wire.Field{{Name: "Name", Value: "value"}}, want); err != nil {
				t.Fatal(err)
			}
			var h wire.Header
			got, err := s.RecvHeader(&h)
			if err != nil || !bytes.Equal(got, want) || h.Map()["Name"] != "value" {
				t.Fatalf("message %d: %d bytes, want %d, %v, %v", i, len(got), len(want), h.Map(), err)
			}
		}
	})
}

// Senders never wait in a write, whatever the connection is.
func TestACallThatIsBrokenOffReturnsThoughThePeerReadsNothing(t *testing.T) {
	plainAndSecured(t, func(t *testing.T, dialled, accepted net.Conn) {
		peer, c := &raw{t, accepted}, running(t, accepted, mux.Config{Conn: dialled, MaxMessage: 64 << 20})
		peer.write(mux.Frame{Kind: mux.KindWindow, Payload: binary.BigEndian.AppendUint32(nil, 128<<20)})
		var calls []*mux.Call
		results := make(chan error, 2)
		for _, size := range []int{64 << 20, 100} {
			k := mux.NewCall()
			calls = append(calls, k)
			go func() {
				results <- k.Do(c, &wire.Request{Body: make([]byte, size)}, new(wire.Reply))
			}()
			testkit.Eventually(t, "the call has begun", func() bool { return c.Sockets() == len(calls) })
			if len(calls) == 1 {
				for f, ok := peer.read(); ok && f.Kind != mux.KindMessage; f, ok = peer.read() {
				}
			}
		}
		why := errors.New("given up")
		for _, k := range calls {
			k.Break(why, false)
			if err := <-results; !errors.Is(err, why) {
				t.Errorf("Do: %v, want %v", err, why)
			}
		}
	})
}

// Headers that are repeated are not sent again, which no receiver can tell.
func TestEachMessageHasItsOwnHeaders(t *testing.T) {
	p := newPair(t, mux.Config{}, mux.Config{}, echo)
	s, err := p.client.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	long := strings.Repeat("long", 1000)
	for i, value := range []string{"a", "a", "b", "a", "", "a", long, long, "a", "", "", "b", "b"} {
		var fields []wire.Field
		want := map[string]string{}
		if value != "" {
			fields = []wire.Field{{Name: "Same", Value: "same"}, {Name: "Name", Value: value}}
			want = map[string]string{"Same": "same", "Name": value}
		}
		if err := s.SendFields(fields, nil); err != nil {
			t.Fatal(err)
		}
		if fields != nil {
			fields[1].Value = "changed after it was sent"
		}
		var h wire.Header
		if _, err := s.RecvHeader(&h); err != nil || !maps.Equal(h.Map(), want) {
			t.Fatalf("message %d has the headers %v, want %v, %v", i, h.Map(), want, err)
		}
	}
}
