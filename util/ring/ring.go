// Package ring is a buffer of the newest entries of something: logs, stats,
// spans. Putting an entry into a full ring drops the oldest one.
package ring

import (
	"sort"
	"sync"
	"time"

	"github.com/google/uuid"
)

// streamCapacity is how many entries a stream holds for a slow reader.
const streamCapacity = 128

// Buffer keeps the newest entries, up to the size it was made with. It is safe
// for concurrent use; the embedded lock is its own and not to be taken by users.
type Buffer struct {
	size int

	sync.RWMutex
	// entries is a circle that grows up to size: start is where the oldest
	// entry lies once the circle is full.
	entries []*Entry
	start   int
	streams map[string]*Stream
}

// Entry is one value and the time at which it was put.
type Entry struct {
	Value     any
	Timestamp time.Time
}

// Stream receives the entries of a Buffer from a moment on.
type Stream struct {
	// Id is unique.
	Id string
	// Entries delivers the entries.
	Entries chan *Entry
	// Stop is closed by the reader when it wants no more.
	Stop chan bool
}

// New returns an empty Buffer for size entries. With a size of zero or less it
// stores nothing, but its streams work.
func New(size int) *Buffer {
	return &Buffer{size: max(size, 0), streams: make(map[string]*Stream)}
}

// Put adds a value, drops the oldest one when the buffer is full, and passes
// the entry on to the streams. It never waits: a stream whose reader is 128
// entries behind misses this one. Streams that were stopped are closed.
func (b *Buffer) Put(v any) {
	b.Lock()
	defer b.Unlock()
	entry := &Entry{Value: v, Timestamp: time.Now()}
	b.store(entry)
	b.closeStopped()
	for _, s := range b.streams {
		select {
		case s.Entries <- entry:
		default:
		}
	}
}

// closeStopped closes the streams that were stopped. The caller has the lock.
func (b *Buffer) closeStopped() {
	for id, s := range b.streams {
		select {
		case <-s.Stop:
			delete(b.streams, id)
			close(s.Entries)
		default:
		}
	}
}

func (b *Buffer) store(entry *Entry) {
	switch {
	case b.size == 0:
	case len(b.entries) < b.size:
		b.entries = append(b.entries, entry)
	default:
		b.entries[b.start] = entry
		b.start = (b.start + 1) % b.size
	}
}

// at returns the entry that i others are older than.
func (b *Buffer) at(i int) *Entry {
	return b.entries[(b.start+i)%len(b.entries)]
}

// from returns the entries without the i oldest, oldest first.
func (b *Buffer) from(i int) []*Entry {
	out := make([]*Entry, 0, len(b.entries)-i)
	for ; i < len(b.entries); i++ {
		out = append(out, b.at(i))
	}
	return out
}

// Get returns the newest n entries, oldest first, and all of them when n is
// negative or more than there are.
func (b *Buffer) Get(n int) []*Entry {
	b.RLock()
	defer b.RUnlock()
	if n < 0 || n > len(b.entries) {
		n = len(b.entries)
	}
	return b.from(len(b.entries) - n)
}

// Since returns the entries put after t, oldest first, and all of them when t
// is the zero time.
func (b *Buffer) Since(t time.Time) []*Entry {
	b.RLock()
	defer b.RUnlock()
	return b.from(sort.Search(len(b.entries), func(i int) bool {
		return t.IsZero() || b.at(i).Timestamp.After(t)
	}))
}

// Stream returns a channel of the entries that are put from now on, with room
// for 128, and the channel to close when no more are wanted. The entry channel
// is then closed by the next Put or Stream.
func (b *Buffer) Stream() (<-chan *Entry, chan bool) {
	s := &Stream{
		Id:      uuid.NewString(),
		Entries: make(chan *Entry, streamCapacity),
		Stop:    make(chan bool),
	}
	b.Lock()
	defer b.Unlock()
	b.closeStopped()
	b.streams[s.Id] = s
	return s.Entries, s.Stop
}

// Size returns the number of entries the buffer has room for.
func (b *Buffer) Size() int {
	return b.size
}
