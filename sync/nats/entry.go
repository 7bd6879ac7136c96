package nats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/sync/lease"
)

// value is what an entry contains.
type value struct {
	ID    string        `json:"id"` // for people
	Owner string        `json:"owner"`
	Time  time.Duration `json:"time"`
}

// entry is a hold as the bucket has it.
type entry struct {
	owner    string
	time     time.Duration // after which it is out of time
	revision uint64
	written  time.Time // by the server's clock
}

func encode(h *lease.Hold) ([]byte, error) {
	return json.Marshal(value{ID: lease.Quote(h.Key), Owner: h.Owner, Time: h.Time})
}

// decode returns what data says. No entry of ours lacks an owner or a time.
func decode(data []byte) (value, error) {
	var v value
	if err := json.Unmarshal(data, &v); err != nil {
		return value{}, fmt.Errorf("the entry of the lock is not readable: %w", err)
	}
	if v.Owner == "" || v.Time <= 0 {
		return value{}, errors.New("the entry of the lock has no owner or no time")
	}
	return v, nil
}

// entry returns what is in the bucket. Without an entry, and when there is only
// the marker of one, there is no owner.
func (b *backend) entry(ctx context.Context, id string) (*entry, error) {
	m, err := b.last(ctx, keyOf(id))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return &entry{}, nil
	}
	if err != nil {
		return nil, err
	}
	e := &entry{revision: m.Sequence, written: m.Time}
	if m.Header.Get(operationHeader) != "" || m.Header.Get(reasonHeader) != "" {
		return e, nil
	}
	v, err := decode(m.Data)
	e.owner, e.time = v.Owner, v.Time
	return e, err
}

func (b *backend) last(ctx context.Context, key string) (*jetstream.RawStreamMsg, error) {
	return b.stream.GetLastMsgForSubject(ctx, b.subject(key))
}

// clockKey is the entry that is written to read the server's clock.
const clockKey = "clock"

// readingLasts is how long a reading of the server's clock is good enough to
// tell that a lock is not out of time yet.
const readingLasts = time.Minute

// reading is a look at the server's clock.
type reading struct{ server, local time.Time }

func (r reading) now() time.Time { return r.server.Add(time.Since(r.local)) }

// left returns how much time an entry has left, 0 for none. It errs on the side
// of more, and is sure when it says none.
func (b *backend) left(ctx context.Context, e *entry) (time.Duration, error) {
	r := b.clock.last()
	if time.Since(r.local) < readingLasts {
		if left := e.left(r.now()); left > 0 {
			return left, nil
		}
	}
	r, err := b.readClock(ctx)
	if err != nil {
		return 0, fmt.Errorf("reading the server's clock: %w", err)
	}
	return e.left(r.now()), nil
}

func (e *entry) left(now time.Time) time.Duration {
	return max(e.time-now.Sub(e.written), 0)
}

// readClock has the server write something, and looks when it did so. The server
// may be further by now, never less far.
func (b *backend) readClock(ctx context.Context) (reading, error) {
	if _, err := b.kv.Put(ctx, clockKey, nil); err != nil {
		return reading{}, err
	}
	m, err := b.last(ctx, clockKey)
	if err != nil {
		return reading{}, err
	}
	r := reading{server: m.Time, local: time.Now()}
	b.clock.set(r)
	return r, nil
}

// clock is the last reading.
type clock struct {
	mu      sync.Mutex
	reading reading
}

func (c *clock) last() reading {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reading
}

func (c *clock) set(r reading) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = r
}
