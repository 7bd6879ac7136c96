// Package nats implements locks and leader election on a key-value bucket of NATS
// JetStream.
//
//	s := nats.NewSync(sync.Nodes("nats://127.0.0.1:4222"), nats.Replicas(3))
//	if err := s.Init(); err != nil {
//		return err // NATS is not there, or has no JetStream
//	}
//
// # Guarantees
//
// A lock is an entry of the bucket. It is created, renewed, taken over and released by
// writes that state the revision they replace, so that of several writers one
// succeeds. Fencing tokens are revisions:
// they grow for as long as the bucket exists. Whoever waits is woken when a lock
// is released.
//
// Whether an entry is out of time is judged by the clock of the server that stored
// it. With [Replicas] the clocks of the servers must agree to within a small part
// of the session TTL: a lock could be taken over early otherwise, which its holder
// is told, and which its token shows.
//
// Pauses: a holder that is stopped for longer than its lock lasts has lost it and
// is told when it runs again. Until then it may believe that it holds what
// somebody else holds already. Fencing tokens tell the two apart.
//
// Partitions: with three or five replicas the side with the majority goes on, and
// no acknowledged lock is forgotten while a majority survives. Holders on the
// other side are told that they lost their locks when the session TTL is over.
// With one replica, the default, locks are as safe as that server's disk: JetStream
// writes at once but forces to disk every two minutes unless it is configured to
// sync always, so that a machine that loses power may forget locks.
//
// # Layout
//
// The key of an entry is the SHA-256 of prefix and id, in hexadecimal; its value a
// JSON object with the quoted id, the owner and how long it lasts, in nanoseconds.
// The entry `clock` tells the server's time. An entry whose holder died is removed
// by the next one who wants the lock.
package nats

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/lease"
)

const (
	// lookAgain is how often those who wait look whether they missed something.
	lookAgain = time.Second
	// soon is when to try again what another writer has just changed.
	soon = 5 * time.Millisecond
)

// NewSync returns a Sync on NATS. It implements [sync.Leaser]; its leaders
// implement [sync.Fenced]; it has a Close() error method.
//
// Nodes are `nats://` URLs of servers of one cluster; without any it is
// nats://127.0.0.1:4222. The bucket is created if there is none.
func NewSync(opts ...sync.Option) sync.Sync {
	return lease.New(lease.Driver{Name: "nats", Connect: connect}, opts...)
}

type backend struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	kv      jetstream.KeyValue
	stream  jetstream.Stream // the one under kv
	expires bool             // entries can be given a time to live

	clock     clock
	revisions revisions
}

// keyOf is the key of an entry: keys may not contain what ids may.
func keyOf(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:])
}

func (b *backend) Take(ctx context.Context, h *lease.Hold) (bool, time.Duration, error) {
	taken, again, err := b.take(ctx, h)
	return taken, again, b.explain(err)
}

func (b *backend) Keep(ctx context.Context, h *lease.Hold) error {
	return b.explain(b.keep(ctx, h))
}

func (b *backend) Free(ctx context.Context, h *lease.Hold) error {
	return b.explain(b.free(ctx, h))
}

// explain says that there is no connection, for which the client has other words.
func (b *backend) explain(err error) error {
	if err == nil || b.conn.IsConnected() || errors.Is(err, lease.ErrGone) {
		return err
	}
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		err = errDisconnected
	}
	if last := b.conn.LastError(); last != nil {
		return fmt.Errorf("%w, after: %w", err, last)
	}
	return err
}

var errDisconnected = errors.New("the server is not there; it is looked for")

// take writes over what was there when this process last looked, and looks again
// when that is wrong.
func (b *backend) take(ctx context.Context, h *lease.Hold) (bool, time.Duration, error) {
	over := b.revisions.recall(h.Key)
	for range 3 {
		err := b.put(ctx, h, over)
		if !conflict(err) {
			h.Token = h.Revision
			return err == nil, 0, err
		}
		e, err := b.entry(ctx, h.Key)
		if err != nil {
			return false, 0, err
		}
		if e.owner != "" && e.owner != h.Owner {
			left, err := b.left(ctx, e)
			if err != nil || left > 0 {
				return false, min(left, lookAgain), err
			}
		}
		over = e.revision
	}
	return false, soon, nil
}

func (b *backend) keep(ctx context.Context, h *lease.Hold) error {
	if h.Renew {
		if err := b.put(ctx, h, h.Revision); !conflict(err) {
			return err
		}
	}
	e, err := b.own(ctx, h)
	if err != nil || !h.Renew {
		return err
	}
	return b.put(ctx, h, e.revision) // the answer to an earlier renewal was lost
}

func (b *backend) free(ctx context.Context, h *lease.Hold) error {
	if h.Revision != 0 {
		if err := b.remove(ctx, h.Key, h.Revision); !errors.Is(err, lease.ErrGone) {
			return err
		}
	}
	e, err := b.own(ctx, h)
	if err != nil {
		return err
	}
	return b.remove(ctx, h.Key, e.revision)
}

// own returns the entry of a lease that is still its holder's.
func (b *backend) own(ctx context.Context, h *lease.Hold) (*entry, error) {
	e, err := b.entry(ctx, h.Key)
	if err == nil && e.owner != h.Owner {
		err = lease.ErrGone
	}
	return e, err
}

// freed is the subject of messages that tell of the release of a lock: of the
// marker itself, if there is one.
func (b *backend) freed(id string) string {
	if b.expires {
		return b.subject(keyOf(id))
	}
	return "micro.sync." + b.kv.Bucket() + ".freed." + keyOf(id)
}

// Watch listens to the releases of a lock.
func (b *backend) Watch(id string) (<-chan struct{}, func()) {
	freed := make(chan struct{}, 1)
	sub, err := b.conn.Subscribe(b.freed(id), func(m *nats.Msg) {
		if len(m.Data) > 0 {
			return // the holder has renewed it
		}
		select {
		case freed <- struct{}{}:
		default:
		}
	})
	if err != nil {
		return nil, func() {}
	}
	return freed, func() { _ = sub.Unsubscribe() }
}

func (b *backend) Close() { b.conn.Close() }
