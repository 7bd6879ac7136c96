package locktest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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
	noLease  = conformance.Flag("NoLease", func(h Harness) bool { return h.NoLease })
	noClose  = conformance.Flag("NoClose", func(h Harness) bool { return h.NoClose })
	alone    = conformance.Flag("NoSharing", func(h Harness) bool { return h.NoSharing })
)

// either is the gap of a rule that takes more than one ability.
func either(gaps ...func(Harness) string) func(Harness) string {
	return func(h Harness) string {
		for _, gap := range gaps {
			if name := gap(h); name != "" {
				return name
			}
		}
		return ""
	}
}

var rules = []conformance.Rule[Harness]{
	rule("a sync has a name", nil, hasName),
	rule("init adds to the options already set", nil, initAdds),
	rule("a lock that was unlocked can be locked again", nil, locksAgain),
	rule("a lock waits until its holder unlocks", nil, waitsForHolder),
	rule("a lock that stays held fails with ErrLockTimeout", nil, timesOut),
	rule("locks are not re-entrant", nil, isNotReentrant),
	rule("locks of different ids do not disturb each other", nil, separatesIDs),
	rule("one at a time holds a lock", nil, excludes),
	rule("who gave up waiting does not get the lock", nil, givesUp),
	rule("nobody unlocks what another holds", alone, unlocksItsOwn),
	rule("ids are any strings", nil, takesAnyID),
	rule("a lock without a TTL is held however long", nil, lasts),
	rule("a lock is held until its TTL is over, and no longer", noTTL, expires),
	rule("the TTL of a lock that was unlocked ends nobody else's", noTTL, expiresAlone),
	rule("prefixes separate ids", noPrefix, separatesPrefixes),
	rule("what was held when a Sync was closed is free", either(noClose, alone), closes),

	rule("fencing tokens grow", noLease, growsTokens),
	rule("the wait for a lease ends with its context", noLease, endsWithContext),
	rule("a lease that is released is over", noLease, releases),
	rule("a lease whose TTL is over is reported lost", either(noLease, noTTL), reportsExpiry),
	rule("the holder is told of what it lost when its Sync was closed", either(noLease, noClose), reportsClose),

	rule("a leader is elected where there is none", noLeader, elects),
	rule("the next leader is elected when the first resigns", noLeader, electsNext),
	rule("a leader excludes who locks the same id", noLeader, leaderExcludesLock),
	rule("leaders have fencing tokens that grow", either(noLeader, noLease), growsLeaderTokens),
	rule("the status of a leader is silent while it leads", noLeader, silentStatus),
	rule("the status of a leader tells of no loss after it resigned", noLeader, resignsWithoutLoss),
	rule("the status of a leader tells when leadership is lost", either(noLeader, noClose), statusTellsLoss),
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
	s := tr.another(sync.Prefix("locktest-"))
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
	began := time.Now()
	if err := tr.lock(tr.first, tr.id, sync.LockTTL(tr.TTL)); err != nil {
		return err
	}
	if err := tr.lock(tr.second, tr.id); err != nil {
		return fmt.Errorf("after the TTL of the holder: %w", err)
	}
	if took := time.Since(began); took < tr.TTL {
		return fmt.Errorf("a lock with a TTL of %v was free after %v", tr.TTL, took)
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
	a, b := tr.another(sync.Prefix("locktest-a-")), tr.another(sync.Prefix("locktest-b-"))
	return errors.Join(tr.lock(a, tr.id), tr.lock(b, tr.id), isHeld(a, tr.id), unlock(a, tr.id), unlock(b, tr.id))
}

func givesUp(tr *trial) error {
	err := errors.Join(tr.lock(tr.first, tr.id), isHeld(tr.second, tr.id), unlock(tr.first, tr.id))
	time.Sleep(briefly) // for whoever may still wait
	return errors.Join(err, tr.lock(tr.first, tr.id), unlock(tr.first, tr.id))
}

func unlocksItsOwn(tr *trial) error {
	if err := tr.lock(tr.first, tr.id); err != nil {
		return err
	}
	_ = tr.second.Unlock(tr.id) // some call it an error
	return errors.Join(isHeld(tr.second, tr.id), unlock(tr.first, tr.id))
}

// takesAnyID locks ids that some layer may take for something else, or for each
// other, all at the same time.
func takesAnyID(tr *trial) error {
	ids := []string{
		tr.id, tr.id + "/", "/" + tr.id, tr.id + "//", "../" + tr.id, tr.id + "/..", tr.id + ".", strings.ToUpper(tr.id),
		tr.id + " ", " " + tr.id, tr.id + "\x00", tr.id + "\n", tr.id + "%", tr.id + "_", tr.id + "*", tr.id + ">", tr.id + "?",
		tr.id + "'; --", tr.id + `"`, tr.id + "`", tr.id + `\`, tr.id + "$1", tr.id + "{a}", tr.id + ":", tr.id + "-",
		tr.id + "\xff", tr.id + "\xfe", tr.id + "\ufffd", tr.id + "ä", tr.id + "a\u0308",
		tr.id + strings.Repeat("x", 10_000), tr.id + strings.Repeat("x", 10_000) + "y",
	}
	if tr.NoSlashes {
		ids = slices.DeleteFunc(ids, func(id string) bool { return strings.Contains(id, "/") })
	}
	var errs []error
	for _, id := range ids {
		errs = append(errs, naming(id, tr.lock(tr.first, id)))
	}
	for _, id := range ids {
		errs = append(errs, naming(id, isHeld(tr.second, id)), naming(id, unlock(tr.first, id)))
	}
	return errors.Join(append(errs, tr.takesTheEmptyID())...)
}

// takesTheEmptyID uses a prefix, since others may test on the same server.
func (tr *trial) takesTheEmptyID() error {
	if tr.NoPrefix {
		return nil
	}
	s := tr.another(sync.Prefix(tr.id + "-empty"))
	return naming("", errors.Join(tr.lock(s, ""), isHeld(s, ""), unlock(s, "")))
}

func naming(id string, err error) error {
	if err != nil {
		return fmt.Errorf("id %.60q of %d bytes: %w", id, len(id), err)
	}
	return nil
}

// lasts holds a lock for longer than what is not renewed would last.
func lasts(tr *trial) error {
	if err := tr.lock(tr.first, tr.id); err != nil {
		return err
	}
	time.Sleep(tr.SessionTTL + tr.SessionTTL/2)
	return errors.Join(isHeld(tr.second, tr.id), unlock(tr.first, tr.id))
}

func closes(tr *trial) error {
	err := errors.Join(tr.lock(tr.first, tr.id), tr.lock(tr.first, tr.otherID, sync.LockTTL(time.Hour)), closing(tr.first))
	return errors.Join(err,
		tr.lock(tr.second, tr.id), unlock(tr.second, tr.id),
		tr.lock(tr.second, tr.otherID), unlock(tr.second, tr.otherID))
}

func closing(s sync.Sync) error {
	c, ok := s.(interface{ Close() error })
	if !ok {
		return fmt.Errorf("%T has no Close() error", s)
	}
	if err := c.Close(); err != nil {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
