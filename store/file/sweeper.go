package file

import (
	"bytes"
	"context"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/justcy/go-micro/v4/store/internal/query"
)

const (
	sweepEvery = 5 * time.Minute
	// sweepChunk bounds what one transaction of the sweeper looks at.
	sweepChunk = 1000
)

// sweeper removes expired records, which nobody sees any more, from time to time.
type sweeper struct {
	cancel context.CancelFunc
	work   sync.WaitGroup
}

func startSweeper(tables func() []*table) *sweeper {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sweeper{cancel: cancel}
	s.work.Go(func() {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			for _, t := range tables() {
				t.removeExpired(ctx, time.Now())
			}
		}
	})
	return s
}

func (s *sweeper) stop() {
	s.cancel()
	s.work.Wait()
}

// removeExpired deletes the records that have expired. What fails is tried again
// the next time.
func (t *table) removeExpired(ctx context.Context, now time.Time) {
	if t.open() != nil || !t.expiring.Swap(false) {
		return
	}
	for from := []byte{}; from != nil && ctx.Err() == nil; {
		expired, more, next, err := t.expired(from, now)
		if more || err != nil {
			t.expiring.Store(true)
		}
		if len(expired) > 0 && t.writes.apply(expired...) != nil {
			t.expiring.Store(true)
			return
		}
		from = next
	}
}

// alive reports whether a record has not expired: it may have been written again.
func alive(now time.Time) func([]byte) bool {
	return func(data []byte) bool {
		if data == nil {
			return false
		}
		s, err := decode(data, false)
		return err != nil || query.Live(s.ExpiresAt, now)
	}
}

// expired looks at a chunk of records. It returns the deletion of those that have
// expired, whether there are some that will, and where the next chunk begins.
func (t *table) expired(from []byte, now time.Time) (expired []change, will bool, next []byte, err error) {
	err = t.view(func(b *bolt.Bucket) error {
		c := b.Cursor()
		k, v := c.Seek(from)
		for range sweepChunk {
			if k == nil {
				return nil
			}
			s, err := decode(v, false)
			switch {
			case err != nil || s.ExpiresAt.IsZero():
			case query.Live(s.ExpiresAt, now):
				will = true
			default:
				expired = append(expired, change{key: bytes.Clone(k), unless: alive(now)})
			}
			k, v = c.Next()
		}
		next = bytes.Clone(k)
		return nil
	})
	return expired, will, next, err
}
