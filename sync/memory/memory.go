// Package memory implements locks and leader election within a process: for
// tests, and for programs that run once.
//
// Nothing is shared with other processes, nor between two Syncs. Lockers get a
// lock in the order in which they asked for it.
//
// # Guarantees
//
// There is nobody to be cut off from. A lock is held until Unlock, until its TTL
// is over, or until Close; only one of its lockers holds it at any time. A
// process that is stopped stops with all its holders, and its TTLs go on: a
// holder may be past its TTL before it can see that on [sync.Lease.Lost]. Fencing
// tokens grow with every lock of the Sync.
package memory

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/lease"
)

// NewSync returns a Sync for this process. It implements [sync.Leaser]; its
// leaders implement [sync.Fenced]. Unlock of what is not held is a success. A
// Close() error method ends all that is held, which is reported lost.
func NewSync(opts ...sync.Option) sync.Sync {
	return lease.New(lease.Driver{
		Name:    "memory",
		Local:   true,
		Lenient: true,
		Connect: func(context.Context, sync.Options) (lease.Backend, error) { return new(backend), nil },
	}, opts...)
}

// backend has nothing to keep: the lockers of one Sync take turns without it.
type backend struct{ tokens atomic.Uint64 }

func (b *backend) Take(_ context.Context, h *lease.Hold) (bool, time.Duration, error) {
	h.Token = b.tokens.Add(1)
	return true, 0, nil
}

func (*backend) Keep(context.Context, *lease.Hold) error        { return nil }
func (*backend) Free(context.Context, *lease.Hold) error        { return nil }
func (*backend) Watch(string) (freed <-chan struct{}, _ func()) { return nil, func() {} }
func (*backend) Close()                                         {}
