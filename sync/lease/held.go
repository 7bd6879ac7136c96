package lease

import (
	"context"
	"errors"
	"fmt"
	stdsync "sync"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/sync"
)

type state int

const (
	held state = iota
	released
	lost
)

// lease is a hold as its holder has it. A timer keeps it: a lease costs no
// goroutine.
type lease struct {
	session *session
	hold    *Hold
	pass    func()    // lets the next locker of this process go
	until   time.Time // when its TTL is over; zero without one
	status  chan bool // of a leader; nil for locks
	over    chan struct{}

	mu    stdsync.Mutex
	state state
	valid time.Time // until when it is held for certain; zero for ever
	timer *time.Timer
	check *check // the one under way; nil without
}

// check is one exchange with the backend about a lease.
type check struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func newLease(s *session, h *Hold, pass func()) *lease {
	return &lease{session: s, hold: h, pass: pass, over: make(chan struct{})}
}

// Token returns the fencing token.
func (l *lease) Token() uint64 { return l.hold.Token }

// Lost returns a channel that is closed when the lease is over.
func (l *lease) Lost() <-chan struct{} { return l.over }

// Release gives the lease up.
func (l *lease) Release(ctx context.Context) error {
	if err := l.release(ctx, false); err != nil {
		return fmt.Errorf("release %s: %w", Quote(l.hold.Key), err)
	}
	return nil
}

// confirm notes that the lease was alive at a time, and plans the next check.
func (l *lease) confirm(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.valid = l.until
	if ttl := l.session.ttl; ttl > 0 {
		// A part of the time is left for clocks that run differently.
		if valid := at.Add(ttl - ttl/10); l.valid.IsZero() || valid.Before(l.valid) {
			l.valid = valid
		}
	}
	if !l.valid.IsZero() {
		l.plan(l.session.ttl / 3)
	}
}

// plan sets the timer. The caller holds mu. Local backends are asked nothing:
// their leases only end.
func (l *lease) plan(d time.Duration) {
	if l.state != held {
		return
	}
	if left := time.Until(l.valid); d == 0 || left < d {
		d = left
	}
	if l.timer == nil {
		l.timer = time.AfterFunc(d, l.tick)
		return
	}
	l.timer.Reset(d)
}

// tick is the timer's function.
func (l *lease) tick() {
	if !l.session.enter() {
		return // close ends the lease
	}
	defer l.session.work.Done()
	ctx, overdue, ok := l.begin()
	if !ok {
		return
	}
	if overdue {
		l.expire()
		return
	}
	asked := time.Now()
	err := l.session.backend.Keep(ctx, l.hold)
	l.finish()
	switch {
	case err == nil:
		l.confirm(asked)
	case errors.Is(err, ErrGone):
		l.lose("the backend no longer has it", true)
	default:
		l.mu.Lock()
		l.plan(l.session.ttl / 20)
		l.mu.Unlock()
	}
}

// begin begins a check, unless the lease is over or it is too late for one.
func (l *lease) begin() (ctx context.Context, overdue, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != held {
		return nil, false, false
	}
	if !time.Now().Before(l.valid) {
		return nil, true, true
	}
	ctx, cancel := context.WithDeadline(l.session.ctx, l.valid)
	l.check = &check{cancel: cancel, done: make(chan struct{})}
	return ctx, false, true
}

func (l *lease) finish() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.check.cancel()
	close(l.check.done)
	l.check = nil
}

// expire ends a lease whose time is over.
func (l *lease) expire() {
	if !l.until.IsZero() && !time.Now().Before(l.until) {
		l.lose("", false)
		return
	}
	l.lose("the backend has not answered for too long", false)
}

// lose ends a lease that was not released. What the backend may still have is
// freed, for others.
func (l *lease) lose(why string, gone bool) {
	if l.finally(lost) != held {
		return
	}
	if why != "" { // the end of a TTL is no news
		l.session.log.Logf(logger.WarnLevel, "%s: lock %s is lost: %s", l.session.driver.Name, Quote(l.hold.Key), why)
	}
	if !gone && !l.session.driver.Local {
		l.session.abandon(l.hold)
	}
	l.pass()
}

// finally ends the lease, and returns what it was.
func (l *lease) finally(next state) (before state) {
	l.mu.Lock()
	before = l.state
	if before == held {
		l.state = next
		if l.timer != nil {
			l.timer.Stop()
		}
		if l.status != nil {
			if next == lost {
				l.status <- true
			}
			close(l.status)
		}
		close(l.over)
	}
	l.mu.Unlock()
	if before == held {
		l.session.forget(l)
	}
	return before
}

// release frees the hold. Others are told that the lease was lost when it is not
// its holder who releases it.
func (l *lease) release(ctx context.Context, byOthers bool) error {
	next := released
	if byOthers {
		next = lost
	}
	switch l.finally(next) {
	case released:
		return nil
	case lost:
		return fmt.Errorf("%w: it has been lost", sync.ErrNotHeld)
	}
	defer l.pass()
	l.endCheck()
	err := l.session.free(ctx, l.hold)
	if errors.Is(err, ErrGone) {
		return fmt.Errorf("%w: it has been lost", sync.ErrNotHeld)
	}
	if err != nil && l.session.enter() {
		l.session.abandon(l.hold)
		l.session.work.Done()
	}
	return err
}

// endCheck waits for the check under way, which cannot change anything any more.
func (l *lease) endCheck() {
	l.mu.Lock()
	c := l.check
	l.mu.Unlock()
	if c != nil {
		c.cancel()
		<-c.done
	}
}

// leader is a lease that leads.
type leader struct{ *lease }

// Resign gives the leadership up.
func (l leader) Resign() error { return l.Release(context.Background()) }

// Status returns a channel on which true is sent when leadership is lost, and
// that is closed when it is over.
func (l leader) Status() chan bool { return l.status }
