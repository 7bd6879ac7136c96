// Package flood bounds what strangers make a listener do for nothing: take
// connections on which no request is served, begin HTTP/2 requests whose answers
// nobody waits for, and read frames that ask for nothing.
//
// Such work is counted as the processor time that it takes, roughly, and may have a
// share of it. What is beyond that is not refused but waits at the listener: the
// connections that there are go on as if nothing was, and new ones come in turn.
// HTTP/2 connections that make such work are ended earlier while there is much of it.
package flood

import (
	"runtime"
	"sync"
	"time"
)

// Estimates of what work takes: a connection, what net/http sets up for one of HTTP/2,
// a request of HTTP/2 with a handler that is quick, a frame. A handshake of TLS takes
// ten times as much as is counted for its connection: counted in full, few of them would
// keep everybody else waiting.
const (
	connectionWork = 50 * time.Microsecond
	setUpWork      = 100 * time.Microsecond
	requestWork    = 20 * time.Microsecond
	frameWork      = time.Microsecond
)

// pause is how long a listener waits before it looks again, and maxWait how long it
// waits for one connection: those who are connected must not keep out all others.
const (
	pause   = time.Millisecond
	maxWait = 20 * time.Millisecond
)

// slowly says what a listener does beyond the share.
const slowly = "takes new connections slowly for a while: on too many no request is served, or their HTTP/2 requests are reset"

// silence is how long a listener that has told so does not tell it again.
const silence = time.Minute

// maxPenalties is how many connections are kept for their penalty at a time, see
// Conn.Close.
const maxPenalties = 100

// Account counts the work for nothing of a listener. Its methods may be called
// at the same time.
type Account struct {
	share     time.Duration // for each second
	penalties chan struct{} // has one for each connection that is kept
	warned    time.Time     // when Admit has warned; its own

	mu      sync.Mutex
	work    time.Duration // guarded by mu: what was done and is not forgiven
	counted time.Time     // guarded by mu: when work was reckoned last
}

// NewAccount returns the account of a listener. Work for nothing may take share of each
// second, or that of one second at once; 0 is a tenth of all processors.
func NewAccount(share time.Duration) *Account {
	if share == 0 {
		share = time.Duration(runtime.GOMAXPROCS(0)) * time.Second / 10
	}
	return &Account{share: share, penalties: make(chan struct{}, maxPenalties), counted: time.Now()}
}

// Connected counts a connection, on which no request is served yet.
func (a *Account) Connected() { a.add(connectionWork) }

// Served takes back what Connected has counted. It must be called once for a
// connection at most.
func (a *Account) Served() { a.add(-connectionWork) }

func (a *Account) add(work time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forgive()
	a.work = min(max(0, a.work+work), 2*a.share)
}

// full reports whether work for nothing has its share.
func (a *Account) full() bool { return a.beyond(a.share) }

// filling reports whether it has half of it, so that those who make more of it than
// a connection should go first.
func (a *Account) filling() bool { return a.beyond(a.share / 2) }

func (a *Account) beyond(limit time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.work <= limit { // without asking the clock
		return false
	}
	a.forgive()
	return a.work > limit
}

// forgive takes off what the time since the last call allows. The lock is held.
func (a *Account) forgive() {
	now := time.Now()
	a.work = max(0, a.work-time.Duration(now.Sub(a.counted).Seconds()*float64(a.share)))
	a.counted = now
}

// Wait waits for a while until there is room for more work, or until done. It reports
// whether there was none.
func (a *Account) Wait(done <-chan struct{}) (full bool) {
	if !a.full() {
		return false
	}
	again := time.NewTicker(pause)
	defer again.Stop()
	for began := time.Now(); a.full() && time.Since(began) < maxWait; {
		select {
		case <-again.C:
		case <-done:
			return true
		}
	}
	return true
}

// Admit is Wait for the loop that accepts. It says what the listener does to warn, once
// a minute at most. It must not be called by more than one goroutine.
func (a *Account) Admit(done <-chan struct{}, warn func(what string)) {
	if a.Wait(done) && time.Since(a.warned) > silence {
		a.warned = time.Now()
		warn(slowly)
	}
}

// penalise keeps a connection for its penalty or until done, unless enough others are
// kept.
func (a *Account) penalise(done <-chan struct{}) {
	select {
	case a.penalties <- struct{}{}:
	default:
		return
	}
	over := time.NewTimer(penalty)
	defer over.Stop()
	select {
	case <-over.C:
	case <-done:
	}
	<-a.penalties
}
