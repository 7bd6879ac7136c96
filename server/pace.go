package server

import (
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
)

const (
	// quickHandler is how long the handler of an endpoint may take on average
	// whose calls the goroutine serves that reads the connection: about what it
	// costs to have another one do it.
	quickHandler = 8 * time.Microsecond
	// sampled says which calls of a quick handler are timed, one of so many.
	sampled = 16
	// smallBody is the largest body of a request, or of the replies of an endpoint,
	// with which the goroutine that reads serves: a larger one waits for its turn to
	// be sent, and meanwhile nothing would be read.
	smallBody = 16 << 10
	// unknownPace is that of a handler which was never called.
	unknownPace = time.Millisecond
)

// pace is how long the handler of an endpoint takes.
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
func (p *pace) isQuick() bool { return p != nil && p.average.Load() < int64(quickHandler) }

// time calls the handler, and now and then takes the time.
func (p *pace) time(handler func() error) error {
	if p.isQuick() && p.calls.Add(1)%sampled != 0 {
		return handler()
	}
	began := time.Now()
	defer func() { p.took(time.Since(began)) }() // also when the handler ends the goroutine
	return handler()
}

// took notes how long a call took. One that took very long counts like a slow
// one: it may have been an accident.
func (p *pace) took(d time.Duration) {
	d = min(d, 4*unknownPace)
	average := p.average.Load()
	p.average.Store(average + (int64(d)-average)/4)
}

// waits notes that a call has to wait to send its reply. Endpoints of which that is
// so now and then are not quick.
func (p *pace) waits() {
	if p != nil {
		p.took(unknownPace)
	}
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
