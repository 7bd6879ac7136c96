package locktest

import (
	"errors"
	"fmt"
	stdsync "sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/sync"
)

var (
	noTTL    = conformance.Flag("NoTTL", func(h Harness) bool { return h.NoTTL })
	noPrefix = conformance.Flag("NoPrefix", func(h Harness) bool { return h.NoPrefix })
	noLeader = conformance.Flag("NoLeader", func(h Harness) bool { return h.NoLeader })
)

var rules = []conformance.Rule[Harness]{
	rule("a sync has a name", nil, hasName),
	rule("init adds to the options already set", nil, initAdds),
	rule("a lock that was unlocked can be locked again", nil, locksAgain),
	rule("a lock waits until its holder unlocks", nil, waitsForHolder),
	rule("a lock that stays held fails with ErrLockTimeout", nil, timesOut),
	rule("locks are not re-entrant", nil, isNotReentrant),
	rule("locks of different ids do not disturb each other", nil, separatesIDs),
	rule("one at a time holds a lock", nil, excludes),
	rule("a lock is free when its TTL is over", noTTL, expires),
	rule("the TTL of a lock that was unlocked ends nobody else's", noTTL, expiresAlone),
	rule("prefixes separate ids", noPrefix, separatesPrefixes),
	rule("a leader is elected where there is none", noLeader, elects),
	rule("the next leader is elected when the first resigns", noLeader, electsNext),
	rule("the status of a leader is silent while it leads", noLeader, silentStatus),
}

func rule(sentence string, gap func(Harness) string, check func(*trial) error) conformance.Rule[Harness] {
	return conformance.Rule[Harness]{
		Sentence: sentence,
		Gap:      gap,
		Check: conformance.Returned(func(t testing.TB, h Harness) error {
			return check(newTrial(t, h))
		}),
	}
}

// briefly is how long a lock is waited for that cannot be had.
const briefly = 50 * time.Millisecond

// lock acquires the lock for id, for which there is every reason.
func (tr *trial) lock(s sync.Sync, id string, opts ...sync.LockOption) error {
	if err := s.Lock(id, append(opts, sync.LockWait(tr.Patience))...); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	return nil
}

func unlock(s sync.Sync, id string) error {
	if err := s.Unlock(id); err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}

// isHeld reports an error unless somebody holds the lock for id.
func isHeld(s sync.Sync, id string) error {
	if err := s.Lock(id, sync.LockWait(briefly)); !errors.Is(err, sync.ErrLockTimeout) {
		return fmt.Errorf("locking what is held gives %v, want sync.ErrLockTimeout", err)
	}
	return nil
}

// within waits for what is under way.
func (tr *trial) within(what string, done <-chan error) error {
	select {
	case err := <-done:
		return err
	case <-time.After(tr.Patience):
		return fmt.Errorf("still waiting for %s", what)
	}
}

func hasName(tr *trial) error {
	if tr.first.String() == "" || tr.first.String() != tr.second.String() {
		return fmt.Errorf("the names are %q and %q", tr.first, tr.second)
	}
	return nil
}

func initAdds(tr *trial) error {
	s := tr.New(tr.t, sync.Prefix("locktest-"))
	nodes := len(s.Options().Nodes)
	if err := s.Init(); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	if o := s.Options(); o.Prefix != "locktest-" || len(o.Nodes) != nodes {
		return fmt.Errorf("options are %+v", o)
	}
	return nil
}

func locksAgain(tr *trial) error {
	for range 3 {
		if err := tr.lock(tr.first, tr.id); err != nil {
			return err
		}
		if err := unlock(tr.first, tr.id); err != nil {
			return err
		}
	}
	return nil
}

func waitsForHolder(tr *trial) error {
	if err := tr.lock(tr.first, tr.id); err != nil {
		return err
	}
	var unlocked atomic.Bool
	second := make(chan error, 1)
	go func() {
		err := tr.lock(tr.second, tr.id)
		if err == nil && !unlocked.Load() {
			err = errors.New("the lock was acquired before it was unlocked")
		}
		second <- err
	}()
	select {
	case err := <-second:
		return errors.Join(errors.New("lock did not wait"), err)
	case <-time.After(briefly):
	}
	unlocked.Store(true)
	if err := unlock(tr.first, tr.id); err != nil {
		return err
	}
	if err := tr.within("the lock that was unlocked", second); err != nil {
		return err
	}
	return unlock(tr.second, tr.id)
}

func timesOut(tr *trial) error {
	if err := tr.lock(tr.first, tr.id); err != nil {
		return err
	}
	return errors.Join(isHeld(tr.second, tr.id), unlock(tr.first, tr.id))
}

func isNotReentrant(tr *trial) error {
	if err := tr.lock(tr.first, tr.id); err != nil {
		return err
	}
	return errors.Join(isHeld(tr.first, tr.id), unlock(tr.first, tr.id))
}

func separatesIDs(tr *trial) error {
	return errors.Join(
		tr.lock(tr.first, tr.id), tr.lock(tr.second, tr.otherID),
		unlock(tr.first, tr.id), isHeld(tr.first, tr.otherID), unlock(tr.second, tr.otherID),
	)
}

func excludes(tr *trial) error {
	var holders atomic.Int32
	var wg stdsync.WaitGroup
	var mu stdsync.Mutex
	var errs []error
	for i := range 6 {
		s := tr.first
		if i%2 == 1 {
			s = tr.second
		}
		wg.Go(func() {
			err := tr.lock(s, tr.id)
			if err == nil {
				if n := holders.Add(1); n > 1 {
					err = fmt.Errorf("%d hold the lock", n)
				}
				time.Sleep(time.Millisecond)
				holders.Add(-1)
				err = errors.Join(err, unlock(s, tr.id))
			}
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func expires(tr *trial) error {
	if err := tr.lock(tr.first, tr.id, sync.LockTTL(tr.TTL)); err != nil {
		return err
	}
	if err := tr.lock(tr.second, tr.id); err != nil {
		return fmt.Errorf("after the TTL of the holder: %w", err)
	}
	return unlock(tr.second, tr.id)
}

func expiresAlone(tr *trial) error {
	err := errors.Join(
		tr.lock(tr.first, tr.id, sync.LockTTL(tr.TTL)), unlock(tr.first, tr.id),
		tr.lock(tr.second, tr.id),
	)
	if err != nil {
		return err
	}
	time.Sleep(tr.TTL + tr.TTL/2)
	return errors.Join(isHeld(tr.first, tr.id), unlock(tr.second, tr.id))
}

func separatesPrefixes(tr *trial) error {
	a, b := tr.New(tr.t, sync.Prefix("locktest-a-")), tr.New(tr.t, sync.Prefix("locktest-b-"))
	return errors.Join(tr.lock(a, tr.id), tr.lock(b, tr.id), isHeld(a, tr.id), unlock(a, tr.id), unlock(b, tr.id))
}

// candidacy is a Leader call under way.
type candidacy struct {
	leader sync.Leader
	done   chan error
}

func (tr *trial) stand(s sync.Sync) *candidacy {
	c := &candidacy{done: make(chan error, 1)}
	go func() {
		var err error
		if c.leader, err = s.Leader(tr.id); err != nil {
			err = fmt.Errorf("leader: %w", err)
		} else if c.leader == nil {
			err = errors.New("neither a leader nor an error")
		}
		c.done <- err
	}()
	return c
}

func (tr *trial) elected() (sync.Leader, error) {
	c := tr.stand(tr.first)
	if err := tr.within("an election without rivals", c.done); err != nil {
		return nil, err
	}
	return c.leader, nil
}

func elects(tr *trial) error {
	l, err := tr.elected()
	if err != nil {
		return err
	}
	return l.Resign()
}

func electsNext(tr *trial) error {
	first, err := tr.elected()
	if err != nil {
		return err
	}
	next := tr.stand(tr.second)
	select {
	case err := <-next.done:
		return errors.Join(errors.New("there are two leaders"), err)
	case <-time.After(briefly):
	}
	if err := first.Resign(); err != nil {
		return fmt.Errorf("resign: %w", err)
	}
	if err := tr.within("the next leader", next.done); err != nil {
		return err
	}
	return next.leader.Resign()
}

func silentStatus(tr *trial) error {
	l, err := tr.elected()
	if err != nil {
		return err
	}
	defer func() { _ = l.Resign() }()
	status := l.Status()
	if status == nil {
		return errors.New("status is nil")
	}
	select {
	case lost := <-status:
		return fmt.Errorf("status gives %v to a leader that leads", lost)
	case <-time.After(briefly):
		return nil
	}
}
