// Package relay lets the goroutine that reads a connection serve what it has
// read, which spares waking another one for each message, and has another
// goroutine read on when serving takes long.
package relay

import (
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long at least, and half of how long at most, serving keeps
// the reading goroutine before another one reads on. A shorter time would have the
// clock wake a processor more often than it helps.
const patience = 5 * time.Millisecond

// Next is how reading goes on after a Step.
type Next int

const (
	More Next = iota // with another Step
	Over             // it has come to its end
	Lost             // another goroutine reads: Serve has returned false
)

// Relay is the reading of one connection. Step is set before Run.
type Relay struct {
	// Step reads, and serves what it has read with Serve. It is called again
	// and again, by one goroutine at a time, until it returns Over.
	Step func() Next

	// turn changes whenever serving begins or ends, and when another goroutine
	// takes over. It is odd while the goroutine that reads is serving.
	turn atomic.Uint64

	// exits counts the goroutines that are ended by what they served.
	exits atomic.Int32

	all sync.WaitGroup // one for each goroutine that reads, or did and still serves

	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	ticking bool
	seen    uint64 // turn at the last tick
	over    bool
	ended   chan struct{} // closed when Step has returned Over

	armed atomic.Bool // ticking, for those who only look
}

// Run reads until the end, and waits until what was served has returned. It may
// be called again afterwards. When what is served ends the goroutine, Run does so
// too, but not before the end of reading: what has to follow it is deferred.
func (r *Relay) Run() {
	r.mu.Lock()
	r.over, r.ticking = false, false
	r.armed.Store(false)
	r.mu.Unlock()
	r.ended = make(chan struct{})
	r.all.Add(1)
	defer r.finish()
	r.loop()
}

// finish waits for the end of reading and for what is still being served.
func (r *Relay) finish() {
	<-r.ended
	r.mu.Lock()
	r.over = true
	if r.timer != nil {
		r.timer.Stop()
	}
	r.mu.Unlock()
	r.all.Wait()
}

// loop reads as long as it is this goroutine's turn. Reading is over as well when
// Step ends the goroutine outside of Serve.
func (r *Relay) loop() {
	over := true
	defer func() {
		if over && r.exits.Add(-1) < 0 {
			r.exits.Add(1)
			close(r.ended)
		}
		r.all.Done()
	}()
	for {
		switch r.Step() {
		case Over:
			return
		case Lost:
			over = false
			return
		}
	}
}

// Serve runs f in the goroutine that reads, which is the caller. It is false when
// another goroutine reads by the time that f returns: the caller must not touch
// what belongs to the reader then.
func (r *Relay) Serve(f func()) (reading bool) {
	turn := r.turn.Load() + 1
	r.turn.Store(turn)
	if !r.armed.Load() {
		r.arm()
	}
	returned := false
	defer func() {
		reading = r.turn.CompareAndSwap(turn, turn+1)
		if returned {
			return
		}
		r.exits.Add(1) // f ended the goroutine, or panics
		if reading {
			r.all.Add(1)
			go r.loop()
		}
	}()
	f()
	returned = true
	return
}

// arm starts the clock.
func (r *Relay) arm() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ticking || r.over {
		return
	}
	r.ticking, r.seen = true, r.turn.Load()
	r.armed.Store(true)
	if r.timer == nil {
		r.timer = time.AfterFunc(patience, r.tick)
		return
	}
	r.timer.Reset(patience)
}

// tick has another goroutine read when the one that did is still serving what it
// was serving at the last tick. The clock stops when nothing is served any more.
func (r *Relay) tick() {
	turn := r.turn.Load()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.over:
		return
	case turn != r.seen:
	case turn%2 == 1:
		if r.turn.CompareAndSwap(turn, turn+1) {
			turn++
			r.all.Add(1)
			go r.loop()
		}
	default:
		r.ticking = false
		r.armed.Store(false)
		return
	}
	r.seen = turn
	r.timer.Reset(patience)
}
