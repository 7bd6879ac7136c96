package lease_test

import (
	"context"
	"errors"
	stdsync "sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/lease"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var errDown = errors.New("the server is down")

// server keeps holds in memory, by its own clock. It can be made to fail.
type server struct {
	mu     stdsync.Mutex
	holds  map[string]held
	tokens uint64
	takes  int // how often somebody tried

	down   bool // every request fails
	frozen bool // no request is answered
	losing bool // takes are made, but the answer gets lost
	deny   bool // connections fail
	closed int  // connections that were closed
	polls  time.Duration
}

type held struct {
	owner   string
	token   uint64
	expires time.Time
}

func newServer() *server { return &server{holds: map[string]held{}, polls: 100 * time.Millisecond} }

// new returns a Sync on the server.
func (s *server) new(opts ...sync.Option) *lease.Sync {
	return lease.New(lease.Driver{
		Name: "fake",
		Connect: func(context.Context, sync.Options) (lease.Backend, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.deny {
				return nil, errDown
			}
			return connection{s}, nil
		},
	}, opts...)
}

// change changes the server while nobody uses it.
func (s *server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// holder returns who has the key, if anybody.
func (s *server) holder(key string) (held, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.holds[key]
	return h, ok && h.expires.After(time.Now())
}

type connection struct{ *server }

// do serves one request.
func (s *server) do(ctx context.Context, f func() error) error {
	for {
		s.mu.Lock()
		if !s.frozen {
			break
		}
		s.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	defer s.mu.Unlock()
	if s.down {
		return errDown
	}
	return f()
}

func (c connection) Take(ctx context.Context, h *lease.Hold) (taken bool, again time.Duration, err error) {
	err = c.do(ctx, func() error {
		c.takes++
		old, ok := c.holds[h.Key]
		if ok && old.owner != h.Owner && old.expires.After(time.Now()) {
			return nil
		}
		if !ok || old.owner != h.Owner {
			c.tokens++
			old = held{owner: h.Owner, token: c.tokens}
		}
		old.expires = time.Now().Add(h.Time)
		c.holds[h.Key] = old
		taken, h.Token = true, old.token
		if c.losing {
			taken = false
			return errDown
		}
		return nil
	})
	return taken, c.polls, err
}

// own calls f with a hold that its owner has.
func (c connection) own(ctx context.Context, h *lease.Hold, f func(held)) error {
	return c.do(ctx, func() error {
		old, ok := c.holds[h.Key]
		if !ok || old.owner != h.Owner || !old.expires.After(time.Now()) {
			return lease.ErrGone
		}
		f(old)
		return nil
	})
}

func (c connection) Keep(ctx context.Context, h *lease.Hold) error {
	return c.own(ctx, h, func(old held) {
		if h.Renew {
			old.expires = time.Now().Add(h.Time)
			c.holds[h.Key] = old
		}
	})
}

func (c connection) Free(ctx context.Context, h *lease.Hold) error {
	return c.own(ctx, h, func(held) { delete(c.holds, h.Key) })
}

func (c connection) Watch(string) (<-chan struct{}, func()) { return nil, func() {} }

func (c connection) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed++
}
