package lease

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	stdsync "sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/sync"
)

const (
	// tryFor is what the first attempt to take a lock may take, however short the
	// wait is: a lock that is free can be had without waiting.
	tryFor = time.Second
	// localPatience bounds what is asked of a backend within the process.
	localPatience = time.Minute
)

// session is what goes on over one connection.
type session struct {
	driver   Driver
	backend  Backend
	log      logger.Logger
	ttl      time.Duration // of holds without a TTL; 0 if they last for ever
	patience time.Duration // bounds a request, and how long to go without an answer
	turns    turns
	name     string        // different for each session there is
	owners   atomic.Uint64 // counts them

	ctx  context.Context // ends when the session is closed
	end  context.CancelCauseFunc
	work stdsync.WaitGroup // what close waits for; enter adds to it

	mu     stdsync.Mutex
	closed bool
	leases map[string]*lease // what is held, by key
}

func newSession(d Driver, b Backend, o sync.Options) *session {
	s := &session{driver: d, backend: b, log: o.Logger, patience: localPatience, name: rand.Text(),
		turns: turns{queue: map[string]*turn{}}, leases: map[string]*lease{}}
	if s.log == nil {
		s.log = logger.DefaultLogger
	}
	if !d.Local {
		s.ttl = sessionTTL(o)
		s.patience = s.ttl
	}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	return s
}

// enter counts work, unless the session is closed.
func (s *session) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

func (s *session) holder(key string) *lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leases[key]
}

// acquire waits for the key and holds it.
func (s *session) acquire(ctx context.Context, key string, leads bool, o sync.LockOptions) (*lease, error) {
	if !s.enter() {
		return nil, ErrClosed
	}
	defer s.work.Done()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if ctx.Done() == nil {
		ctx = s.ctx
	} else {
		var cancel context.CancelCauseFunc
		ctx, cancel = context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(s.ctx, func() { cancel(ErrClosed) })()
	}
	c := &contest{session: s, ctx: ctx, waiting: ctx, hold: s.newHold(key, o.TTL)}
	if o.Wait != 0 {
		deadline := time.Now().Add(o.Wait)
		var stop context.CancelFunc
		c.waiting, stop = context.WithDeadlineCause(ctx, deadline, sync.ErrLockTimeout)
		defer stop()
	}
	pass, err := s.turns.take(c.waiting, key)
	if err != nil {
		return nil, err
	}
	if err := c.win(); err != nil {
		pass()
		return nil, s.named(err)
	}
	return s.keep(c, o.TTL, leads, pass)
}

// named adds the backend's name to its errors. That somebody else holds a lock
// is not the backend's fault.
func (s *session) named(err error) error {
	if err == sync.ErrLockTimeout {
		return err
	}
	return fmt.Errorf("%s: %w", s.driver.Name, err)
}

func (s *session) newHold(key string, ttl time.Duration) *Hold {
	owner := s.name + "-" + strconv.FormatUint(s.owners.Add(1), 36)
	h := &Hold{Key: key, Owner: owner, Time: ttl}
	if ttl == 0 {
		h.Time, h.Renew = s.ttl, true
	}
	return h
}

// keep makes a lease of a hold that was taken.
func (s *session) keep(c *contest, ttl time.Duration, leads bool, pass func()) (*lease, error) {
	l := newLease(s, c.hold, pass)
	if leads {
		l.status = make(chan bool, 1)
	}
	if ttl > 0 {
		l.until = c.asked.Add(ttl)
	}
	s.mu.Lock()
	closed := s.closed
	if !closed {
		s.leases[c.hold.Key] = l
	}
	s.mu.Unlock()
	if closed {
		s.abandon(c.hold)
		pass()
		return nil, ErrClosed
	}
	l.confirm(c.asked)
	return l, nil
}

// forget removes a lease that is over.
func (s *session) forget(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leases[l.hold.Key] == l {
		delete(s.leases, l.hold.Key)
	}
}

// abandon frees what may have been taken, or could not be freed, for as long as
// the backend would keep it. Work must have been entered.
func (s *session) abandon(h *Hold) {
	until := time.Now().Add(h.Time)
	s.work.Go(func() {
		for {
			err := s.free(context.Background(), h)
			if err == nil || errors.Is(err, ErrGone) || s.ctx.Err() != nil {
				return
			}
			if h.Time > 0 && time.Now().After(until) {
				return
			}
			wait(s.ctx, nil, s.patience/10)
		}
	})
}

// free frees a hold. The end of the session does not keep it from that.
func (s *session) free(ctx context.Context, h *Hold) error {
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	return s.backend.Free(ctx, h)
}

// close ends all waiting, frees all that is held and disconnects.
func (s *session) close() {
	s.mu.Lock()
	s.closed = true
	leases := make([]*lease, 0, len(s.leases))
	for _, l := range s.leases {
		leases = append(leases, l)
	}
	s.mu.Unlock()
	s.end(ErrClosed)
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	for _, l := range leases {
		_ = l.release(ctx, true) // what cannot be freed expires
	}
	s.work.Wait()
	s.backend.Close()
}

// wait waits for the first of the three, and returns why waiting is over when it
// is.
func wait(ctx context.Context, freed <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-freed:
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
