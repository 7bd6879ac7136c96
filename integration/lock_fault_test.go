package integration_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/sync"
)

// outage is how long a server is away in these tests.
const outage = 5 * time.Second

// away is a server and how to take it from its clients.
type away struct {
	url         string
	do, restore func()
}

// outages returns the ways that there are for a driver.
func (d lockDriver) outages() map[string]func(*testing.T) away {
	ways := map[string]func(*testing.T) away{
		"cut off": func(t *testing.T) away {
			p := servers.NewProxy(t, d.url(t))
			return away{p.URL, p.Cut, p.Restore}
		},
		"frozen": func(t *testing.T) away {
			p := servers.NewProxy(t, d.url(t))
			return away{p.URL, p.Freeze, p.Restore}
		},
	}
	if d.own != nil {
		ways["restarted"] = func(t *testing.T) away {
			s := d.own(t)
			return away{s.URL, s.Stop, s.Start}
		}
	}
	return ways
}

// TestLocksAreReportedLostWhenTheirServerIsAwayAndWorkWhenItIsBack has a server go away for five seconds.
// What is held is reported lost, operations fail with a clear error in the time
// that they are given, and everything works again when the server is back.
func TestLocksAreReportedLostWhenTheirServerIsAwayAndWorkWhenItIsBack(t *testing.T) {
	eachLockDriver(t, func(t *testing.T, d lockDriver) {
		for name, way := range d.outages() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				checkOutage(t, d, way(t))
			})
		}
	})
}

func checkOutage(t *testing.T, d lockDriver, a away) {
	s := d.connect(t, a.url).(interface {
		sync.Sync
		sync.Leaser
	})
	lasting := mustAcquire(t, s, "lasting")
	limited := mustAcquire(t, s, "limited", sync.LockTTL(time.Hour))
	leader, err := s.Leader("leader")
	if err != nil {
		t.Fatal(err)
	}

	a.do()
	began := time.Now()
	for range 3 {
		checkFailure(t, s)
	}
	for name, lost := range map[string]func() bool{
		"the lock": isClosed(lasting.Lost()), "the lock with a TTL": isClosed(limited.Lost()),
		"the leadership": func() bool { return len(leader.Status()) > 0 },
	} {
		testkit.Eventually(t, name+" is reported lost", lost)
	}
	t.Logf("all was reported lost after %v", time.Since(began))
	if lost := <-leader.Status(); !lost {
		t.Error("status tells the leader of no loss")
	}
	time.Sleep(time.Until(began.Add(outage)))
	a.restore()

	began = time.Now()
	for _, id := range []string{"lasting", "limited", "leader", "new"} {
		testkit.EventuallyWithin(t, time.Minute, id+" can be locked again", func() bool {
			return s.Lock(id, sync.LockWait(testkit.Patience)) == nil
		})
	}
	t.Logf("all was locked again after %v", time.Since(began))
	for _, id := range []string{"lasting", "limited", "leader", "new"} {
		if err := s.Unlock(id); err != nil {
			t.Error(err)
		}
	}
}

// checkFailure makes sure that an operation fails in time, and not because
// somebody else holds the lock.
func checkFailure(t *testing.T, s sync.Leaser) {
	t.Helper()
	const given = time.Second
	ctx, cancel := context.WithTimeout(context.Background(), given)
	defer cancel()
	began := time.Now()
	_, err := s.Acquire(ctx, "other")
	took := time.Since(began)
	if err == nil || err == sync.ErrLockTimeout {
		t.Errorf("an operation on a server that is away gave %v", err)
	}
	if took > given+2*time.Second { // which is for the machine
		t.Errorf("an operation with a context of %v took %v", given, took)
	}
	t.Logf("after %v: %v", took, err)
}

func mustAcquire(t *testing.T, s sync.Leaser, id string, opts ...sync.LockOption) sync.Lease {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), testkit.Patience)
	defer cancel()
	l, err := s.Acquire(ctx, id, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func isClosed(c <-chan struct{}) func() bool {
	return func() bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	}
}

// TestInitSaysThatThereIsNoServer expects to be told what is wrong, at once.
func TestInitSaysThatThereIsNoServer(t *testing.T) {
	for _, d := range lockDrivers {
		t.Run(d.name, func(t *testing.T) {
			scheme := map[string]string{"redis": "redis", "nats": "nats", "cockroach": "postgresql"}[d.name]
			s := d.new(sync.Nodes(fmt.Sprintf("%s://127.0.0.1:%d", scheme, testkit.FreePort(t))))
			err := s.Init()
			if err == nil {
				t.Fatal("there is no error")
			}
			t.Log(err)
			if lockErr := s.Lock("a", sync.LockWait(time.Second)); lockErr == nil || errors.Is(lockErr, sync.ErrLockTimeout) {
				t.Errorf("locking gave %v", lockErr)
			}
		})
	}
}
