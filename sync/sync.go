// Package sync coordinates processes: locks that only one of them holds, and the
// election of a leader.
//
// The drivers are sync/redis, sync/nats (JetStream), sync/cockroach (PostgreSQL
// and CockroachDB), sync/etcd of the module of plugins, and sync/memory for what
// happens in one process. Package sync/lease makes another.
//
//	s := redis.NewSync(sync.Nodes("redis://127.0.0.1:6379"))
//	if err := s.Init(); err != nil {
//		return err
//	}
//	if err := s.Lock("invoices", sync.LockTTL(time.Minute), sync.LockWait(time.Second)); err != nil {
//		return err // errors.Is(err, sync.ErrLockTimeout): somebody else holds it
//	}
//	defer s.Unlock("invoices")
//
// # What a lock is worth
//
// A lock over a network is a lease: it ends when its holder is not heard of any
// more, be it dead, cut off, or merely stopped for a while. A process that was
// stopped does not know this at once. It may still write what it was about to
// write while the next holder is at work, with every backend there is. Two things
// help. [Lease.Lost], or [Leader.Status], tells the holder as soon as it can be
// known. And a fencing token closes the gap: every holder of an id gets a greater
// one than all before, sends it along with each write, and what is written to
// refuses a token that is smaller than one it has seen.
//
//	lease, err := s.(sync.Leaser).Acquire(ctx, "invoices")
//	…
//	err = db.Exec("UPDATE invoices SET …, token = $1 WHERE id = $2 AND token <= $1", lease.Token(), id)
package sync

import (
	"context"
	"errors"
)

var (
	// ErrLockTimeout is returned by Lock when the lock could not be acquired
	// within the time set by LockWait.
	ErrLockTimeout = errors.New("lock timeout")
	// ErrNotHeld is returned when something is to be released that is not held:
	// it never was, or it has been lost.
	ErrNotHeld = errors.New("lock not held")
)

// Sync coordinates processes. Ids are prefixed with the Prefix option, so that
// several applications can share a backend. All methods may be called
// concurrently.
type Sync interface {
	// Init applies options on top of the ones already set.
	Init(...Option) error
	// Options returns a copy of the options in force.
	Options() Options
	// Leader takes part in the election of the leader for id, and blocks until
	// it is won. A leader holds the lock for id: the two exclude each other.
	Leader(id string, opts ...LeaderOption) (Leader, error)
	// Lock acquires the lock for id. It blocks until it is acquired, or fails
	// with ErrLockTimeout after the time set by LockWait. Locks are not
	// re-entrant: the holder blocks like anybody else.
	Lock(id string, opts ...LockOption) error
	// Unlock releases the lock for id.
	Unlock(id string) error
	// String names the implementation.
	String() string
}

// Leader is a leadership that was won. Those that have a fencing token are a
// [Fenced], too.
type Leader interface {
	// Resign gives the leadership up.
	Resign() error
	// Status returns a channel on which true is sent when leadership is lost.
	Status() chan bool
}

// Leaser is implemented by a Sync whose locks have fencing tokens.
type Leaser interface {
	// Acquire is Lock, but returns what was acquired. It fails with the cause of
	// ctx when that is done first; ctx has no say in how long a lock is held.
	Acquire(ctx context.Context, id string, opts ...LockOption) (Lease, error)
}

// Lease is a lock as its holder has it.
type Lease interface {
	Fenced
	// Lost returns a channel that is closed when the lock is not held any more,
	// because it was lost, its TTL is over, or it was released.
	Lost() <-chan struct{}
	// Release gives the lock up. It fails with ErrNotHeld when the lock was
	// lost before. When the backend does not answer before ctx is done, the lock
	// is not held any more either, and becomes free when the backend is back or
	// the time of the lock is over.
	Release(ctx context.Context) error
}

// Fenced is what has a fencing token.
type Fenced interface {
	// Token returns the fencing token: greater than that of any earlier holder
	// of the same id.
	Token() uint64
}
