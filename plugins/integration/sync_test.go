package integration_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"

	"github.com/justcy/go-micro/plugins/v4/integration/internal/etcdserver"
	"github.com/justcy/go-micro/plugins/v4/sync/etcd"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/locktest"
)

// leaser is what a Sync in etcd is.
type leaser interface {
	sync.Sync
	sync.Leaser
}

func newSync(t testing.TB, addr string, opts ...sync.Option) leaser {
	t.Helper()
	s := etcd.NewSync(append(opts, sync.Nodes("http://"+addr))...)
	must(t, s.Init())
	t.Cleanup(func() { must(t, s.(interface{ Close() error }).Close()) })
	return s.(leaser)
}

func TestLocks(t *testing.T) {
	t.Parallel()
	s := etcdserver.New(t)
	locktest.Run(t, locktest.Harness{
		New: func(t testing.TB, opts ...sync.Option) sync.Sync { return newSync(t, s.Addr, opts...) },
		TTL: 3 * time.Second, NoSlashes: true,
	})
}

func TestLocksAreInTheLayoutOfEtcdsOwn(t *testing.T) {
	t.Parallel()
	s, ctx := etcdserver.New(t), context.Background()
	locks, c := newSync(t, s.Addr, sync.Prefix("p/")), client(t, s.Addr)
	lease, err := locks.Acquire(ctx, "a/b")
	must(t, err)
	reply, err := c.Get(ctx, "/micro/sync/p-a-b/", clientv3.WithPrefix())
	must(t, err)
	if len(reply.Kvs) != 1 {
		t.Fatal("there is no key")
	}
	kv := reply.Kvs[0]
	if string(kv.Key) != fmt.Sprintf("/micro/sync/p-a-b/%x", kv.Lease) || uint64(kv.CreateRevision) != lease.Token() {
		t.Errorf("the key is %s of revision %d, the token %d", kv.Key, kv.CreateRevision, lease.Token())
	}

	session, err := concurrency.NewSession(c, concurrency.WithTTL(60))
	must(t, err)
	t.Cleanup(func() { _ = session.Close() })
	mutex := concurrency.NewMutex(session, "/micro/sync/p-a-b")
	if err := mutex.TryLock(ctx); err != concurrency.ErrLocked {
		t.Errorf("etcd's own mutex is locked, too: %v", err)
	}
	must(t, lease.Release(ctx))
	must(t, mutex.Lock(ctx))
	if err := locks.Lock("a/b", sync.LockWait(time.Second)); !errors.Is(err, sync.ErrLockTimeout) {
		t.Errorf("what etcd's own mutex has is locked, too: %v", err)
	}
	must(t, mutex.Unlock(ctx))
	must(t, locks.Lock("a/b"))

	election := concurrency.NewElection(session, "/micro/sync/p-leader")
	must(t, election.Campaign(ctx, "leader"))
	early, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if _, err := locks.Leader("leader", sync.LeaderContext(early)); err == nil {
		t.Error("there are two leaders")
	}
	must(t, election.Resign(ctx))
	leader, err := locks.Leader("leader")
	must(t, err)
	must(t, leader.Resign())
}

func TestNoLeaseIsLeftBehind(t *testing.T) {
	t.Parallel()
	s, ctx := etcdserver.New(t), context.Background()
	one, two, c := newSync(t, s.Addr), newSync(t, s.Addr), client(t, s.Addr)
	must(t, one.Lock("a"))
	for range 5 {
		if err := two.Lock("a", sync.LockWait(50*time.Millisecond)); !errors.Is(err, sync.ErrLockTimeout) {
			t.Errorf("got %v", err)
		}
	}
	must(t, one.Unlock("a"))
	leader, err := two.Leader("a")
	must(t, err)
	must(t, leader.Resign())
	eventually(t, "there are no leases", func() bool {
		leases, err := c.Leases(ctx)
		return err == nil && len(leases.Leases) == 0
	})
}

func TestALeaderThatIsCutOffIsToldThatItLost(t *testing.T) {
	t.Parallel()
	s := etcdserver.New(t)
	locks := newSync(t, s.Addr, sync.SessionTTL(2*time.Second))
	leader, err := locks.Leader("scheduler")
	must(t, err)
	s.Stop()
	select {
	case lost := <-leader.Status():
		if !lost {
			t.Error("the leadership ended without being lost")
		}
	case <-time.After(time.Minute):
		t.Fatal("the leader is not told")
	}
	s.Start()
	eventually(t, "the lock can be had again", func() bool { return locks.Lock("scheduler", sync.LockWait(time.Second)) == nil })
}

func TestInitSaysThatThereIsNoEtcd(t *testing.T) {
	t.Parallel()
	for _, node := range []string{"http://ada:secret@127.0.0.1:1", "127.0.0.1:1", "http://"} {
		err := etcd.NewSync(sync.Nodes(node)).Init()
		if err == nil || !strings.Contains(err.Error(), "etcd") || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", node, err)
		}
		t.Log(err)
	}
}
