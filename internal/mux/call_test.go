package mux_test

import (
	"bytes"
	"errors"
	"fmt"
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
	p := newPair(t, mux.Config{}, mux.Config{}, echo)
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
}

func TestLargeCallsShareAConnection(t *testing.T) {
	p := newPair(t, mux.Config{}, mux.Config{}, echo)
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
}

func TestABrokenCallEndsAtOnce(t *testing.T) {
	ended := make(chan error, 1)
	p := newPair(t, mux.Config{}, mux.Config{}, func(s *mux.Socket, _ wire.Header, _ []byte, _ bool) {
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
}

// ender passes on why something has ended.
type ender chan error

func (e ender) Ended(err error) { e <- err }

func TestASocketCarriesMessagesBothWays(t *testing.T) {
	p := newPair(t, mux.Config{}, mux.Config{}, echo)
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
}
