// Package etcd implements locks and leader election in etcd, of version 3.4 or later.
//
//	s := etcd.NewSync(sync.Nodes("http://10.0.0.1:2379", "http://10.0.0.2:2379"))
//	if err := s.Init(); err != nil {
//		return err // etcd is not there
//	}
//
// # Guarantees
//
// A lock is a key that one transaction makes if nobody has the lock, and that goes
// with its lease; both are in force on a majority of the servers when Lock returns.
// A lock has one holder at most, whichever servers fail, and nothing that was
// acknowledged is lost while a majority of them keeps its disks. Whoever waits is
// woken when a lock is released; among several processes that wait, any may be next.
//
// Pauses and partitions: a holder that is stopped, or cut off, for longer than its
// lock lasts has lost it and is told when it runs again or when the time is over,
// whichever comes last. Fencing tokens, which are revisions of etcd and grow for as
// long as the cluster keeps its data, tell it from its successor.
//
// etcd counts in seconds, and keeps leases for about two at least. A lock with a
// shorter TTL is freed in time by its holder, if that lives.
//
// # Layout
//
// The key is `/micro/sync/<prefix><id>/<lease>`, with slashes in prefix and id
// replaced by dashes and the number of the lease in hexadecimal, which is that of
// etcd's own mutexes and elections and of go-micro v4: processes of all three respect
// each other's locks. Ids that differ in slashes and dashes alone are one lock. As those
// that wait with etcd's own mutex stand in line with keys of theirs, they come before
// those that wait here.
package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/justcy/go-micro/plugins/v4/internal/etcdclient"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/lease"
)

const (
	root = "/micro/sync/"
	// lookAgain is how often those who wait look whether they missed something.
	lookAgain = time.Second
)

// NewSync returns a Sync in etcd. It implements [sync.Leaser]; its leaders implement
// [sync.Fenced]; it has a Close() error method.
//
// A node is a URL, with user and password if etcd asks for them, or a host and port;
// without any it is 127.0.0.1:2379.
func NewSync(opts ...sync.Option) sync.Sync {
	return lease.New(lease.Driver{Name: "etcd", Connect: connect}, opts...)
}

func connect(ctx context.Context, o sync.Options) (lease.Backend, error) {
	config, err := settings(ctx, o).Config()
	if err != nil {
		return nil, err
	}
	client, err := clientv3.New(config)
	if err == nil {
		if _, err = client.Get(ctx, root, clientv3.WithCountOnly()); err != nil {
			_ = client.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w; is etcd running, and are user and password right?", strings.Join(config.Endpoints, ", "), err)
	}
	return &backend{client: client}, nil
}

// settings say how to connect, within the time of ctx.
func settings(ctx context.Context, o sync.Options) etcdclient.Settings {
	s := etcdclient.Settings{Addrs: o.Nodes, TLS: o.TLSConfig}
	if deadline, ok := ctx.Deadline(); ok {
		s.Timeout = time.Until(deadline)
	}
	return s
}

type backend struct{ client *clientv3.Client }

// pathOf begins the keys of a lock.
func pathOf(key string) string { return root + strings.ReplaceAll(key, "/", "-") + "/" }

func keyOf(h *lease.Hold) string { return fmt.Sprintf("%s%x", pathOf(h.Key), h.Revision) }

// seconds rounds a time up.
func seconds(d time.Duration) int64 { return int64((d-1)/time.Second) + 1 }

// Take makes the key of the hold if there is none of its lock. The Revision of a hold
// is the number of its lease.
func (b *backend) Take(ctx context.Context, h *lease.Hold) (bool, time.Duration, error) {
	path := pathOf(h.Key)
	first, err := b.client.Get(ctx, path, clientv3.WithFirstCreate()...)
	if err != nil {
		return false, 0, err
	}
	if len(first.Kvs) > 0 {
		kv := first.Kvs[0]
		if string(kv.Value) != h.Owner {
			return false, lookAgain, nil
		}
		h.Token, h.Revision = uint64(kv.CreateRevision), uint64(kv.Lease)
		return true, 0, nil
	}
	if err := b.lease(ctx, h); err != nil {
		return false, 0, err
	}
	reply, err := b.client.Txn(ctx).
		If(clientv3.Compare(clientv3.CreateRevision(path).WithPrefix(), "=", 0)). // true of no key
		Then(clientv3.OpPut(keyOf(h), h.Owner, clientv3.WithLease(clientv3.LeaseID(h.Revision)))).
		Commit()
	switch {
	case err != nil:
		return false, 0, err
	case !reply.Succeeded: // somebody was faster
		_, _ = b.client.Revoke(ctx, clientv3.LeaseID(h.Revision))
		h.Revision = 0
		return false, lookAgain, nil
	}
	h.Token = uint64(reply.Header.Revision)
	return true, 0, nil
}

// lease gives the hold a lease with all of its time before it. One that an attempt
// without an answer got is used on.
func (b *backend) lease(ctx context.Context, h *lease.Hold) error {
	if h.Revision != 0 {
		_, err := b.client.KeepAliveOnce(ctx, clientv3.LeaseID(h.Revision))
		if !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return err
		}
	}
	granted, err := b.client.Grant(ctx, seconds(h.Time))
	if err != nil {
		return err
	}
	h.Revision = uint64(granted.ID)
	return nil
}

// Keep looks whether the key is still there, and renews its lease.
func (b *backend) Keep(ctx context.Context, h *lease.Hold) error {
	reply, err := b.client.Get(ctx, keyOf(h))
	if err != nil {
		return err
	}
	if len(reply.Kvs) == 0 || uint64(reply.Kvs[0].CreateRevision) != h.Token {
		return lease.ErrGone
	}
	if !h.Renew {
		return nil
	}
	_, err = b.client.KeepAliveOnce(ctx, clientv3.LeaseID(h.Revision))
	return gone(err)
}

// Free ends the lease, and the key with it.
func (b *backend) Free(ctx context.Context, h *lease.Hold) error {
	if h.Revision == 0 {
		return lease.ErrGone
	}
	_, err := b.client.Revoke(ctx, clientv3.LeaseID(h.Revision))
	return gone(err)
}

func gone(err error) error {
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return lease.ErrGone
	}
	return err
}

// Watch wakes who waits when a key of the lock is deleted, and when it begins.
func (b *backend) Watch(key string) (<-chan struct{}, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	freed, done := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(done)
		changes := b.client.Watch(ctx, pathOf(key), clientv3.WithPrefix(), clientv3.WithFilterPut(), clientv3.WithCreatedNotify())
		for range changes {
			select {
			case freed <- struct{}{}:
			default: // it was told already
			}
		}
	}()
	return freed, func() {
		cancel()
		<-done
	}
}

// Close ends the connection.
func (b *backend) Close() { _ = b.client.Close() }
