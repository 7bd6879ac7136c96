package lease_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/lease"
	"github.com/justcy/go-micro/v4/sync/locktest"
)

const ttl = sync.DefaultSessionTTL

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// virtual runs a test with a server in a time of its own.
func virtual(t *testing.T, test func(*testing.T, *server)) {
	synctest.Test(t, func(t *testing.T) { test(t, newServer()) })
}

func start(t *testing.T, s *server, opts ...sync.Option) *lease.Sync {
	t.Helper()
	l := s.new(opts...)
	must(t, l.Init())
	t.Cleanup(func() {
		s.change(func() { s.down, s.frozen = false, false })
		must(t, l.Close())
	})
	return l
}

func acquire(t *testing.T, s *lease.Sync, id string, opts ...sync.LockOption) sync.Lease {
	t.Helper()
	l, err := s.Acquire(t.Context(), id, opts...)
	must(t, err)
	return l
}

// lostAfter returns how long it takes until a lease is lost, and at most limit.
func lostAfter(l sync.Lease, limit time.Duration) time.Duration {
	began := time.Now()
	select {
	case <-l.Lost():
	case <-time.After(limit):
	}
	return time.Since(began)
}

func TestConformance(t *testing.T) {
	s := newServer()
	locktest.Run(t, locktest.Harness{
		New: func(t testing.TB, opts ...sync.Option) sync.Sync {
			l := s.new(opts...)
			t.Cleanup(func() { l.Close() })
			return l
		},
		TTL:       200 * time.Millisecond,
		Simulated: true,
	})
}

func TestALockWithoutATTLIsRenewedForAsLongAsItsHolderLives(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := acquire(t, start(t, s), "a")
		if lostAfter(l, time.Hour) < time.Hour {
			t.Error("it was lost")
		}
		if _, ok := s.holder("a"); !ok {
			t.Error("the server does not have it")
		}
	})
}

func TestALockWithATTLIsNotRenewed(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := acquire(t, start(t, s), "a", sync.LockTTL(time.Minute))
		if took := lostAfter(l, time.Hour); took != time.Minute {
			t.Errorf("it was over after %v", took)
		}
	})
}

func TestWhatTheServerHasLostIsReportedLost(t *testing.T) {
	for name, opts := range map[string][]sync.LockOption{"renewed": nil, "with a TTL": {sync.LockTTL(time.Hour)}} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T, s *server) {
				l := acquire(t, start(t, s), "a", opts...)
				s.change(func() { clear(s.holds) })
				if took := lostAfter(l, time.Hour); took > ttl/3 {
					t.Errorf("it took %v", took)
				}
				if err := l.Release(t.Context()); !errors.Is(err, sync.ErrNotHeld) {
					t.Errorf("releasing it gave %v", err)
				}
			})
		})
	}
}

func TestAHolderKnowsThatItLostALockBeforeAnotherGetsIt(t *testing.T) {
	for name, fault := range map[string]func(*server){
		"down":   func(s *server) { s.down = true },
		"frozen": func(s *server) { s.frozen = true },
	} {
		t.Run(name, func(t *testing.T) {
			virtual(t, func(t *testing.T, s *server) {
				l := acquire(t, start(t, s), "a")
				time.Sleep(time.Minute)
				before, _ := s.holder("a")
				s.change(func() { fault(s) })
				took := lostAfter(l, time.Hour)
				if took > ttl {
					t.Errorf("it took %v", took)
				}
				if !time.Now().Before(before.expires) {
					t.Errorf("at %v the lock was free already since %v", time.Now(), before.expires)
				}
			})
		})
	}
}

func TestALockWithALongTTLIsLostWhenTheServerIsAwayForTheSessionTTL(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		first, second := start(t, s), start(t, s)
		l := acquire(t, first, "a", sync.LockTTL(24*time.Hour))
		s.change(func() { s.down = true })
		if took := lostAfter(l, time.Hour); took > ttl {
			t.Errorf("it took %v", took)
		}
		s.change(func() { s.down = false })
		must(t, second.Lock("a", sync.LockWait(time.Minute))) // the holder has freed it
	})
}

func TestALockOutlivesAShortFailure(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := acquire(t, start(t, s), "a")
		time.Sleep(time.Minute)
		s.change(func() { s.down = true })
		time.Sleep(ttl / 2)
		s.change(func() { s.down = false })
		if lostAfter(l, time.Hour) < time.Hour {
			t.Error("it was lost")
		}
	})
}

func TestUnlockDuringAFailureFreesTheLockWhenTheServerIsBack(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		first, second := start(t, s), start(t, s)
		must(t, first.Lock("a", sync.LockTTL(time.Hour)))
		s.change(func() { s.down = true })
		if err := first.Unlock("a"); !errors.Is(err, errDown) || !strings.Contains(err.Error(), `"a"`) {
			t.Errorf("got %v", err)
		}
		time.Sleep(time.Minute)
		s.change(func() { s.down = false })
		must(t, second.Lock("a", sync.LockWait(time.Minute)))
	})
}

func TestALockThatWasTakenWithoutAnAnswerIsFreed(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		first, second := start(t, s), start(t, s)
		s.change(func() { s.losing = true })
		if err := first.Lock("a", sync.LockTTL(time.Hour)); !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
		s.change(func() { s.losing = false })
		must(t, second.Lock("a", sync.LockWait(time.Minute)))
	})
}

func TestLockFailsAtOnceWhenTheServerIsDown(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := start(t, s)
		s.change(func() { s.down = true })
		began := time.Now()
		err := l.Lock("a")
		if !errors.Is(err, errDown) || errors.Is(err, sync.ErrLockTimeout) || time.Since(began) > 0 {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if want := `lock "a": fake: the server is down`; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
		s.change(func() { s.down = false })
		must(t, l.Lock("a"))
	})
}

func TestLockEndsWithinItsWaitWhenNothingAnswers(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := start(t, s)
		s.change(func() { s.frozen = true })
		began := time.Now()
		err := l.Lock("a", sync.LockWait(2*time.Second))
		if !errors.Is(err, sync.ErrLockTimeout) || !strings.Contains(err.Error(), "deadline") || time.Since(began) != 2*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		began = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := l.Acquire(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestAFreeLockIsHadHoweverShortTheWait(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		must(t, start(t, s).Lock("a", sync.LockWait(-1)))
		if err := start(t, s).Lock("a", sync.LockWait(1)); err != sync.ErrLockTimeout {
			t.Errorf("got %v, want exactly sync.ErrLockTimeout", err)
		}
	})
}

func TestWhoWaitsSurvivesAShortFailure(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		first, second := start(t, s), start(t, s)
		must(t, first.Lock("a"))
		done := make(chan error)
		go func() { done <- second.Lock("a") }()
		time.Sleep(time.Minute)
		s.change(func() { s.down = true })
		time.Sleep(ttl / 2)
		s.change(func() { s.down = false })
		must(t, first.Unlock("a"))
		must(t, <-done)
	})
}

func TestWhoWaitsIsToldOfALongFailure(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		first, second := start(t, s), start(t, s)
		must(t, first.Lock("a"))
		done := make(chan error)
		go func() { done <- second.Lock("a") }()
		time.Sleep(time.Minute)
		s.change(func() { s.down = true })
		began := time.Now()
		if err := <-done; !errors.Is(err, errDown) || time.Since(began) > 2*ttl {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestATimeoutDuringAFailureTellsOfIt(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		first, second := start(t, s), start(t, s)
		must(t, first.Lock("a"))
		done := make(chan error)
		go func() { done <- second.Lock("a", sync.LockWait(2*time.Second)) }()
		time.Sleep(time.Second)
		s.change(func() { s.down = true })
		if err := <-done; !errors.Is(err, sync.ErrLockTimeout) || !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTheStatusOfALeaderFiresWhenLeadershipIsLost(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		first, second := start(t, s), start(t, s)
		l, err := first.Leader("a")
		must(t, err)
		s.change(func() { clear(s.holds) })
		next, err := second.Leader("a")
		must(t, err)
		if lost := <-l.Status(); !lost {
			t.Error("status gives false")
		}
		if _, open := <-l.Status(); open {
			t.Error("status is not closed when leadership is over")
		}
		if old, now := l.(sync.Fenced).Token(), next.(sync.Fenced).Token(); now <= old {
			t.Errorf("token %d follows %d", now, old)
		}
	})
}

func TestUnlockEndsALeadershipAndItsStatusTells(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		sy := start(t, s)
		l, err := sy.Leader("a")
		must(t, err)
		must(t, sy.Unlock("a"))
		if lost := <-l.Status(); !lost {
			t.Error("status gives false")
		}
		if err := l.Resign(); !errors.Is(err, sync.ErrNotHeld) {
			t.Errorf("resigning gave %v", err)
		}
	})
}

func TestTheWaitForLeadershipEndsWithItsContext(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		_, err := start(t, s).Leader("a")
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := start(t, s).Leader("a", sync.LeaderContext(ctx)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestOneOfTheLockersOfAProcessCompetes(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		first, second := start(t, s), start(t, s)
		must(t, first.Lock("a"))
		done := make(chan error, 100)
		for range 100 {
			go func() { done <- second.Lock("a", sync.LockTTL(time.Millisecond)) }()
		}
		time.Sleep(s.polls*10 + s.polls/2)
		s.change(func() {
			if s.takes > 20 {
				t.Errorf("a hundred who wait in one process made %d attempts", s.takes)
			}
		})
		must(t, first.Unlock("a"))
		for range 100 {
			must(t, <-done)
		}
	})
}

func TestCloseEndsWhatWaits(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		first, second := start(t, s), start(t, s)
		must(t, first.Lock("a"))
		done := make(chan error, 2)
		for range 2 { // one competes, one waits for its turn
			go func() { done <- second.Lock("a") }()
		}
		synctest.Wait()
		must(t, second.Close())
		for range 2 {
			if err := <-done; !errors.Is(err, lease.ErrClosed) {
				t.Errorf("got %v", err)
			}
		}
		if err := second.Lock("a"); !errors.Is(err, lease.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
		must(t, second.Init())
		must(t, second.Lock("b"))
	})
}

func TestCloseDoesNotWaitForAServerThatIsAway(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := start(t, s)
		for _, id := range []string{"a", "b", "c"} {
			must(t, l.Lock(id))
		}
		s.change(func() { s.frozen = true })
		began := time.Now()
		must(t, l.Close())
		if took := time.Since(began); took > ttl {
			t.Errorf("it took %v", took)
		}
	})
}

func TestAFailedInitChangesNothing(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := start(t, s, sync.Nodes("one"))
		held := acquire(t, l, "a")
		s.change(func() { s.deny = true })
		if err := l.Init(sync.Nodes("two")); !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
		if got := l.Options().Nodes; len(got) != 1 || got[0] != "one" {
			t.Errorf("nodes are %v", got)
		}
		if lostAfter(held, time.Minute) < time.Minute {
			t.Error("the lock was lost")
		}
	})
}

func TestInitWithOtherNodesMovesToThem(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := start(t, s, sync.Nodes("one"))
		held := acquire(t, l, "a")
		must(t, l.Init(sync.Prefix("p")))
		if lostAfter(held, time.Minute) < time.Minute {
			t.Error("an Init that leads nowhere else lost the lock")
		}
		must(t, l.Init(sync.Nodes("two")))
		if lostAfter(held, time.Minute) > 0 {
			t.Error("the lock over the old connection is not reported lost")
		}
		s.change(func() {
			if s.closed != 1 {
				t.Errorf("%d connections were closed", s.closed)
			}
		})
	})
}

func TestASyncThatWasNotInitialisedConnectsWhenItIsUsed(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := s.new()
		s.change(func() { s.deny = true })
		if err := l.Lock("a"); !errors.Is(err, errDown) {
			t.Errorf("got %v", err)
		}
		s.change(func() { s.deny = false })
		must(t, l.Lock("a"))
		must(t, l.Close())
	})
}

func TestUnlockOfWhatIsNotHeldIsAnError(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := start(t, s)
		if err := l.Unlock("a"); !errors.Is(err, sync.ErrNotHeld) || err.Error() != `unlock "a": lock not held` {
			t.Errorf("got %v", err)
		}
	})
}

func TestNegativeTTLsAreRefused(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		if err := start(t, s).Lock("a", sync.LockTTL(-1)); err == nil {
			t.Error("got no error")
		}
	})
}

func TestALeaseThatExpiredDoesNotReleaseTheNext(t *testing.T) {
	virtual(t, func(t *testing.T, s *server) {
		l := start(t, s)
		old := acquire(t, l, "a", sync.LockTTL(time.Second))
		now := acquire(t, l, "a")
		if err := old.Release(t.Context()); !errors.Is(err, sync.ErrNotHeld) {
			t.Errorf("got %v", err)
		}
		if lostAfter(now, time.Minute) < time.Minute {
			t.Error("the next lease is over")
		}
		must(t, now.Release(t.Context()))
		must(t, now.Release(t.Context())) // twice is no error
	})
}
