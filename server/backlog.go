package server

import (
	"sync"
	"sync/atomic"
)

// backlog holds calls of a multiplexed connection back while its peer does not take
// the replies to others: a few bytes may ask for megabytes, thousands of times. What
// a connection holds for its peer so stays within maxHeld, apart from what handlers
// that are at work make at the time.
type backlog struct {
	bytes atomic.Int64 // of replies that are being sent

	mu   sync.Mutex
	held []*call
}

// hold holds a call back until the peer has taken replies. It is false when there is
// no need.
func (b *backlog) hold(k *call) bool {
	if b.bytes.Load() <= maxHeld {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bytes.Load() <= maxHeld/2 { // they have been taken, and nobody would come for k
		return false
	}
	b.held = append(b.held, k)
	return true
}

// sending counts a reply.
func (b *backlog) sending(n int) { b.bytes.Add(int64(n)) }

// sent counts a reply off, and returns the calls that may begin. They are all that
// there are: those for which there is no room are held back anew.
func (b *backlog) sent(n int) []*call {
	left := b.bytes.Add(-int64(n))
	if left > maxHeld/2 || left+int64(n) <= maxHeld/2 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	held := b.held
	b.held = nil
	return held
}
