// Package lease makes a [sync.Sync] of a backend that can take, keep and free one
// hold at a time. It is for those who write a driver of locks; all drivers here are
// made of it.
//
//	func NewSync(opts ...sync.Option) sync.Sync {
//		return lease.New(lease.Driver{Name: "etcd", Connect: connect}, opts...)
//	}
//
// It queues the lockers of one process, so that one of them at most competes
// with other processes, tells the backend regularly that holders are alive, and
// tells holders when they have lost what they held. What it makes is a
// [sync.Leaser], too, and has a Close. The suite sync/locktest checks a driver.
package lease

import (
	"context"
	"errors"
	"time"

	"github.com/justcy/go-micro/v4/sync"
)

var (
	// ErrGone is returned by a Backend for a hold that it has not, or has no more.
	ErrGone = errors.New("the backend has no such hold")
	// ErrClosed ends what is under way when a Sync is closed.
	ErrClosed = errors.New("closed; call Init to use it again")
)

// Driver makes a Sync out of a backend.
type Driver struct {
	// Name is what String returns.
	Name string
	// Connect makes the connection. It is bounded by ctx, and its errors say to
	// what it was to be made.
	Connect func(ctx context.Context, o sync.Options) (Backend, error)
	// Local backends are part of the process and cannot lose a hold: holds
	// without a TTL last until they are freed, and there is nothing to keep.
	Local bool
	// Lenient Syncs take it for a success to unlock what is not held.
	Lenient bool
}

// Backend keeps holds for several processes. Methods are called concurrently,
// but never twice at a time for the same hold; their contexts have a deadline.
type Backend interface {
	// Take tries once to take the hold, and sets its Token. When another has it,
	// Take returns false and in how long it is worth another try. Take of what
	// the same owner has already succeeds with the same token.
	Take(ctx context.Context, h *Hold) (taken bool, again time.Duration, err error)
	// Keep makes sure that the hold is still the owner's, and begins its time
	// anew if it is to be renewed. It fails with ErrGone when the hold is gone.
	Keep(ctx context.Context, h *Hold) error
	// Free ends the hold, or fails with ErrGone. It must not end another's.
	Free(ctx context.Context, h *Hold) error
	// Watch returns a channel that receives something whenever the hold of this
	// key may have become free, until stop is called. A backend that cannot tell
	// returns a nil channel.
	Watch(key string) (freed <-chan struct{}, stop func())
	// Close ends the connection. Nothing is called afterwards.
	Close()
}

// Hold is the claim of one owner to one key.
type Hold struct {
	// Key is what is held. It may be any string.
	Key string
	// Owner is different for each hold.
	Owner string
	// Time after which the backend frees the hold by itself; 0 for never.
	Time time.Duration
	// Renew says that Keep begins Time anew.
	Renew bool
	// Token is the fencing token, once the hold is taken.
	Token uint64
	// Revision is for the use of the backend.
	Revision uint64
}
