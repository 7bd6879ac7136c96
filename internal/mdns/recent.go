package mdns

import (
	"hash/maphash"
	"time"
)

// recent remembers datagrams for a moment, so that the copies of one which
// arrive over several interfaces and families, or come back to their sender,
// cost next to nothing. It is not safe for concurrent use.
type recent struct {
	seed maphash.Seed
	ring [1024]struct {
		sum uint64
		at  time.Time
	}
	index map[uint64]int
	next  int
}

// recentFor is how long a datagram is remembered: shorter than the pause between
// two announcements of one instance.
const recentFor = repeatSilence

func newRecent() *recent {
	return &recent{seed: maphash.MakeSeed(), index: map[uint64]int{}}
}

func (r *recent) sum(data []byte) uint64 { return maphash.Bytes(r.seed, data) }

// add remembers a datagram from now on.
func (r *recent) add(sum uint64, now time.Time) {
	slot := &r.ring[r.next]
	if r.index[slot.sum] == r.next {
		delete(r.index, slot.sum)
	}
	slot.sum, slot.at = sum, now
	r.index[sum] = r.next
	r.next = (r.next + 1) % len(r.ring)
}

// has reports whether the datagram is remembered.
func (r *recent) has(sum uint64, now time.Time) bool {
	i, ok := r.index[sum]
	return ok && now.Sub(r.ring[i].at) < recentFor
}

// reset forgets everything.
func (r *recent) reset() {
	clear(r.index)
	clear(r.ring[:])
	r.next = 0
}
