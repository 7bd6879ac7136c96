// Package sync is the interface to coordination between processes: locks that
// only one of them holds, and the election of a leader.
//
// There is no built-in implementation, since a lock that only one process sees
// locks nothing; drivers implement the interface over a backend they share.
//
//	if err := s.Lock("invoices", sync.LockTTL(time.Minute), sync.LockWait(time.Second)); err != nil {
//		return err // errors.Is(err, sync.ErrLockTimeout): somebody else holds it
//	}
//	defer s.Unlock("invoices")
package sync

import "errors"

// ErrLockTimeout is returned by Lock when the lock could not be acquired within
// the time set by LockWait.
var ErrLockTimeout = errors.New("lock timeout")

// Sync coordinates processes. Ids are prefixed with the Prefix option, so that
// several applications can share a backend. All methods may be called
// concurrently.
type Sync interface {
	// Init applies options on top of the ones already set.
	Init(...Option) error
	// Options returns a copy of the options in force.
	Options() Options
	// Leader takes part in the election of the leader for id, and blocks until
	// it is won.
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

// Leader is a leadership that was won.
type Leader interface {
	// Resign gives the leadership up.
	Resign() error
	// Status returns a channel on which true is sent when leadership is lost.
	Status() chan bool
}
