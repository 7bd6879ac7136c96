package mdns

import (
	"context"
	"strings"
	"time"
)

// DefaultWindow is how long answers to a question are waited for.
const DefaultWindow = 100 * time.Millisecond

const (
	maxQuiet     = 100 * time.Millisecond // least silence after which no answer is expected
	maxExtension = 500 * time.Millisecond // most that a busy machine adds to the window
	maxResend    = time.Second            // longest pause between two questions in a window
)

// ask is a question in progress, shared by everybody who wants to know.
//
// It ends early once there is an answer and no further one has come for a while:
// a quarter of the window (see maxQuiet), or twice the time the first answer took
// if that is longer, because then the machine or the network is slow. Without an
// answer it takes the whole window. The window opens when the network loops the
// question back to its sender; as long as it does not, the machine is too busy to
// have sent it or to have received answers, and the ask takes up to three windows
// (see maxExtension). Where questions are never looped back the window opens at
// once. An ask for which nobody waits any more is over.
type ask struct {
	name     string // folded
	exact    string
	window   time.Duration
	whole    bool // never ends early
	started  time.Time
	resend   time.Time
	heard    time.Time // when the question came back, zero while it has not
	first    time.Time // when the first answer came, zero while none has
	latest   time.Time
	remote   bool // an answer came over the network
	finished bool
	waiters  int
	done     chan struct{}
	sums     []uint64 // datagrams that carried the question
	listed   []string // names found by a list query
}

// ask joins the question for exact in progress or starts one.
func (s *session) ask(exact string, window time.Duration, now time.Time) *ask {
	if window <= 0 {
		window = DefaultWindow
	}
	name := fold(exact)
	if a := s.asks[name]; a != nil {
		a.waiters++
		return a
	}
	a := &ask{name: name, exact: exact, window: window, started: now, resend: now, waiters: 1, done: make(chan struct{})}
	if s.ended {
		a.finished = true
		close(a.done)
		return a
	}
	s.asks[name] = a
	if len(s.zone.services[name]) > 0 || s.heardOf(name, now) {
		s.answered(a, false, now)
	}
	s.step(a, now)
	return a
}

// heardOf reports whether nodes under a service name, folded, are known already.
func (s *session) heardOf(name string, now time.Time) bool {
	service := strings.TrimSuffix(name, "."+fold(s.engine.domain))
	return len(s.cache.live(service, now)) > 0
}

// wait returns when a has ended, or early when ctx is done.
func (s *session) wait(ctx context.Context, a *ask) error {
	var err error
	select {
	case <-a.done:
	case <-s.done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if a.waiters--; a.waiters == 0 {
		s.finish(a)
	}
	return err
}

// step finishes an ask whose time is over, and asks again while nobody answers.
func (s *session) step(a *ask, now time.Time) {
	if a.finished {
		return
	}
	end := a.end(s.noLoop)
	if !now.Before(end) {
		s.finish(a)
		return
	}
	if !a.remote && !now.Before(a.resend) {
		s.question(a.exact, TypePTR, a)
		a.resend = now.Add(min(a.window*3/10, maxResend))
	}
	if !a.remote && a.resend.Before(end) {
		end = a.resend
	}
	s.agenda.add(end, func(now time.Time) { s.step(a, now) })
}

// end returns when the ask is over as things stand.
func (a *ask) end(noLoop bool) time.Time {
	opened := a.started
	if !a.heard.IsZero() {
		opened = a.heard
	}
	limit := opened.Add(a.window)
	if a.whole {
		return limit
	}
	if a.heard.IsZero() && !a.remote {
		if !noLoop && a.first.IsZero() {
			limit = limit.Add(min(2*a.window, maxExtension))
		}
		return limit
	}
	if a.first.IsZero() {
		return limit
	}
	quiet := max(min(a.window/4, maxQuiet), 2*a.first.Sub(a.started))
	last := a.latest
	if a.heard.After(last) {
		last = a.heard
	}
	if early := last.Add(quiet); early.Before(limit) {
		return early
	}
	return limit
}

// hear notes that a question came back from the network.
func (s *session) hear(a *ask, now time.Time) {
	if a.finished || !a.heard.IsZero() {
		return
	}
	a.heard = now
	s.step(a, now)
}

// answered notes an answer.
func (s *session) answered(a *ask, remote bool, now time.Time) {
	sooner := a.first.IsZero() || remote && !a.remote
	if a.first.IsZero() {
		a.first = now
	}
	a.latest = now
	a.remote = a.remote || remote
	if sooner {
		s.step(a, now)
	}
}

// listed notes an answer to a list query.
func (s *session) listed(service string, g *Sighting, now time.Time) {
	a := s.asks[ListService+"."+fold(s.engine.domain)]
	if a != nil && !g.Goodbye && len(a.listed) < maxListed {
		a.listed = append(a.listed, service)
		s.answered(a, true, now)
	}
}

// finish ends an ask and wakes those who wait for it.
func (s *session) finish(a *ask) {
	if a.finished {
		return
	}
	a.finished = true
	delete(s.asks, a.name)
	for _, sum := range a.sums {
		delete(s.asking, sum)
	}
	if now := time.Now(); !now.Before(a.started.Add(a.window)) {
		s.noLoop = a.heard.IsZero()
	}
	close(a.done)
	service := strings.TrimSuffix(a.name, "."+fold(s.engine.domain))
	if n := s.names[service]; n != nil && !n.asked && !s.ended {
		n.asked = true
		n.pause = 0
		s.keepFresh(n, time.Now())
	}
}
