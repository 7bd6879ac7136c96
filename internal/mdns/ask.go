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
	maxExtension = 500 * time.Millisecond // most that is waited for a question to come back
	minResend    = time.Millisecond       // pauses between two questions in a window
	maxResend    = time.Second
	// maxPatience is how much longer than its window an ask may take on a machine
	// or a network that is busy, and patienceEach what each further ask that is in
	// progress adds.
	maxPatience  = 3 * time.Second
	patienceEach = 10 * time.Millisecond
	// slackFactor is how much longer others are waited for than this process was
	// late itself.
	slackFactor = 10
)

// ask is a question in progress, shared by everybody who wants to know.
//
// The window opens when the question has been sent and the network has looped it
// back to its sender, which tells that the machine gets around to sending and
// receiving. A question that does not come back is waited for up to two windows
// more (see maxExtension). Where questions are never looped back the window opens
// when it is sent.
//
// Once there is an answer the ask ends when no further one has come for a while: a
// quarter of the window (see maxQuiet), or twice the time the first answer took if
// that is longer, because then the machine or the network is slow. Without an
// answer it takes the whole window, and goes on as long as other questions are
// being answered, since those who answer do so one after the other, or when this
// process was late with what it had planned, since then others on the machine are,
// too. An ask for which nobody waits any more is over.
type ask struct {
	name     string // folded
	exact    string
	window   time.Duration
	whole    bool // takes the whole window, also with answers
	started  time.Time
	resend   time.Time     // when it is asked again
	pause    time.Duration // from then to the time after
	sent     time.Time     // when the question was first sent, zero while it waits
	heard    time.Time     // when the question came back, zero while it has not
	first    time.Time     // when the first answer came, zero while none has
	latest   time.Time
	slack    time.Duration // how late this process was, at most
	asks     int           // in progress at the same time, at most
	remote   bool          // an answer came over the network
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
	a.asks = max(a.asks, len(s.asks))
	end := a.end(s.noLoop, s.answering)
	if !now.Before(end) {
		s.finish(a)
		return
	}
	if !a.remote && !now.Before(a.resend) {
		s.question(a.exact, TypePTR, a)
		a.pause = min(max(2*a.pause, a.window*3/10, minResend), maxResend)
		a.resend = now.Add(a.pause)
	}
	if !a.remote && a.resend.Before(end) {
		end = a.resend
	}
	s.agenda.add(end, func(now time.Time) {
		a.slack = max(a.slack, now.Sub(end))
		s.step(a, now)
	})
}

// end returns when the ask is over as things stand. answering is when any question
// was last answered.
func (a *ask) end(noLoop bool, answering time.Time) time.Time {
	last := a.started.Add(a.window + maxPatience + time.Duration(a.asks)*patienceEach)
	if a.sent.IsZero() {
		return last
	}
	opened := later(a.sent, a.heard)
	end := opened.Add(a.window)
	quiet := max(min(a.window/4, maxQuiet), 2*a.first.Sub(a.sent))
	switch {
	case a.first.IsZero():
		end = end.Add(slackFactor * a.slack)
		if a.heard.IsZero() && !noLoop {
			end = end.Add(a.extension())
		}
		if answering.After(a.sent) {
			end = later(end, answering.Add(a.window))
		}
	case a.whole:
		end = later(end.Add(slackFactor*a.slack), a.latest.Add(quiet))
	case a.remote || !a.heard.IsZero():
		end = sooner(end, later(a.latest, a.heard).Add(quiet))
	}
	return sooner(end, last)
}

// extension is how long the question is waited for to come back.
func (a *ask) extension() time.Duration { return min(2*a.window, maxExtension) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func sooner(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// asked notes that a question was sent.
func (s *session) asked(a *ask, now time.Time) {
	if a.finished || !a.sent.IsZero() {
		return
	}
	a.sent = now
	s.step(a, now)
}

// hear notes that a question came back from the network.
func (s *session) hear(a *ask, now time.Time) {
	if a.finished || !a.heard.IsZero() {
		return
	}
	a.heard = now
	if a.sent.IsZero() { // the network was quicker than the notice
		a.sent = now
	}
	a.slack = max(a.slack, now.Sub(a.sent))
	s.step(a, now)
}

// answered notes an answer.
func (s *session) answered(a *ask, remote bool, now time.Time) {
	news := a.first.IsZero() || remote && !a.remote
	if a.first.IsZero() {
		a.first = now
	}
	a.latest = now
	if remote {
		a.remote, s.answering = true, now
	}
	if news {
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
	switch now := time.Now(); {
	case !a.heard.IsZero():
		s.noLoop = false
	case !a.sent.IsZero() && !now.Before(a.sent.Add(a.window+a.extension())):
		s.noLoop = true
	}
	close(a.done)
	service := strings.TrimSuffix(a.name, "."+fold(s.engine.domain))
	if n := s.names[service]; n != nil && !n.asked && !s.ended {
		n.asked = true
		n.pause = 0
		s.keepFresh(n, time.Now())
	}
}
