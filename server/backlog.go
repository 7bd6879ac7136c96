package server

import (
	"sync"
	"sync/atomic"

	"github.com/justcy/go-micro/v4/internal/wire"
)

// maxReplies is how many bytes of replies may wait on a multiplexed connection until
// its further calls are postponed.
const maxReplies = 64 << 20

// backlog postpones the calls of a multiplexed connection while its peer does not take
// the replies to others: a few bytes may ask for megabytes, thousands of times. Calls
// that are in handlers by then are not hindered.
type backlog struct {
	bytes atomic.Int64 // of replies that are being sent
	count atomic.Int64 // of postponed, so that nobody takes the lock for none

	mu        sync.Mutex
	postponed map[*call]struct{}
}

// postpone keeps a call until the peer has taken replies, or the call has failed. It
// is false when there is no need.
func (b *backlog) postpone(k *call) bool {
	if b.bytes.Load() <= maxReplies {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count.Add(1)                                            // before the look at bytes: who sends looks at them the other way round
	if b.bytes.Load() <= maxReplies/2 || k.ctx.Err() != nil { // nobody would come for it
		b.count.Add(-1)
		return false
	}
	if b.postponed == nil {
		b.postponed = map[*call]struct{}{}
	}
	k.postponed = true
	b.postponed[k] = struct{}{}
	return true
}

// remove takes a call out that has failed. It is false if it is not there.
func (b *backlog) remove(k *call) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.postponed[k]
	if ok {
		b.forget(k)
	}
	return ok
}

// forget takes a call out. The lock is held.
func (b *backlog) forget(k *call) {
	delete(b.postponed, k)
	b.count.Add(-1)
}

// sending counts a reply.
func (b *backlog) sending(n int) { b.bytes.Add(int64(n)) }

// sent counts a reply off, and returns calls that may begin: all if no reply is left
// that could be the one to look again, else two, so that a few at a time do.
func (b *backlog) sent(n int) (begin []*call) {
	left := b.bytes.Add(-int64(n))
	if left > maxReplies/2 || b.count.Load() == 0 {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for k := range b.postponed {
		if left > 0 && len(begin) == 2 {
			break
		}
		b.forget(k)
		begin = append(begin, k)
	}
	return begin
}

// sizeOf is what a reply counts.
func sizeOf(fields []wire.Field, body []byte) int {
	n := len(body)
	for i := range fields {
		n += len(fields[i].Name) + len(fields[i].Value)
	}
	return n
}
