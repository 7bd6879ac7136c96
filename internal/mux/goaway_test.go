package mux_test

import (
	"encoding/binary"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// until reads frames until one of a kind comes.
func (p *raw) until(kind byte) mux.Frame {
	p.Helper()
	for {
		f, ok := p.read()
		if !ok {
			p.Fatal("the connection ended")
		}
		if f.Kind == kind {
			return f
		}
	}
}

func TestAGoAwaySaysWhatWasTakenAndTheRestIsRefused(t *testing.T) {
	var accepted atomic.Int32
	p, c := rawClient(t, mux.Config{}, func(*mux.Socket, wire.Header, []byte, bool) { accepted.Add(1) })
	open := func(id uint32) {
		p.write(mux.Frame{Kind: mux.KindMessage, Flags: openCall, Socket: id, Payload: mux.Begin(openCall, "", 0, nil)})
	}
	for id := range uint32(3) {
		open(id + 1)
	}
	testkit.Eventually(t, "three calls are taken", func() bool { return accepted.Load() == 3 })
	c.GoAway()
	if last := binary.BigEndian.Uint32(p.until(mux.KindGoAway).Payload[1:]); last != 3 {
		t.Errorf("the last socket that was taken is %d, want 3", last)
	}
	open(4)
	if f := p.until(mux.KindReset); f.Socket != 4 || f.Payload[0] != mux.ResetRefused {
		t.Errorf("socket %d is reset with code %d, want 4 and refused", f.Socket, f.Payload[0])
	}
	if n := accepted.Load(); n != 3 {
		t.Errorf("%d calls were served", n)
	}
}

func TestWhatAGoAwayLeavesOutWasNotExecuted(t *testing.T) {
	p, c := rawServer(t, mux.Config{})
	results := make([]chan error, 2)
	for i := range results { // one after the other, so that their numbers are known
		results[i] = make(chan error, 1)
		go func() {
			_, err := call(c, uint64(i), nil)
			results[i] <- err
		}()
		if f := p.until(mux.KindMessage); f.Socket != uint32(i+1) {
			t.Fatalf("call %d has the number %d", i, f.Socket)
		}
	}
	p.write(mux.Frame{Kind: mux.KindGoAway, Payload: []byte{0, 0, 0, 0, 1}})
	if err := <-results[1]; !wire.IsRefused(err) {
		t.Errorf("the call that was not taken: %v, want that it was refused", err)
	}
	if c.Usable() {
		t.Error("the connection takes further calls")
	}
	flags := byte(mux.FlagBegin | mux.FlagLast)
	p.write(mux.Frame{Kind: mux.KindMessage, Flags: flags, Socket: 1, Payload: mux.Begin(flags, "", 0, nil)})
	if err := <-results[0]; err != nil {
		t.Errorf("the call that was taken: %v", err)
	}
}
