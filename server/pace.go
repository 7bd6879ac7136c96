package server

import (
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
)

const (
	// quickCall is how long calls to an endpoint may take on average that the
	// goroutine which reads the connection serves itself: about what it costs to
	// have another one do it.
	quickCall = 8 * time.Microsecond
	// sampled says which of the quick calls are timed, one of so many.
	sampled = 16
	// unknownPace is that of an endpoint which nobody has called.
	unknownPace = time.Millisecond
)

// pace is how long the calls to an endpoint take.
type pace struct {
	average atomic.Int64 // in nanoseconds, of late calls more than of early ones
	calls   atomic.Uint32
}

func newPace() *pace {
	p := &pace{}
	p.average.Store(int64(unknownPace))
	return p
}

// isQuick reports whether a call may be served by the goroutine that reads. Nil is
// the pace of what is not known.
func (p *pace) isQuick() bool { return p != nil && p.average.Load() < int64(quickCall) }

// serve serves a call in the goroutine that reads.
func (p *pace) serve(k *call) {
	if p.calls.Add(1)%sampled != 0 {
		k.serve()
		return
	}
	began := time.Now()
	defer func() { p.took(time.Since(began)) }() // also when the handler ends the goroutine
	k.serve()
}

// took notes how long a call took. One that took very long counts like a slow
// one: it may have been an accident.
func (p *pace) took(d time.Duration) {
	d = min(d, 4*unknownPace)
	average := p.average.Load()
	p.average.Store(average + (int64(d)-average)/4)
}

// pace returns the pace of the endpoint that a request names, nil if that is not
// known before it is decoded.
func (st *settings) pace(head *wire.Head) *pace {
	if st.router != nil {
		return nil
	}
	if e := st.routes.endpoints[head.Endpoint]; e != nil && !e.stream {
		return e.pace
	}
	return nil
}
