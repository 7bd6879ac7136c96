package locktest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/sync"
)

// lease acquires the lock for id, for which there is every reason.
func (tr *trial) lease(s sync.Sync, id string, opts ...sync.LockOption) (sync.Lease, error) {
	leaser, ok := s.(sync.Leaser)
	if !ok {
		return nil, fmt.Errorf("%T is no sync.Leaser", s)
	}
	ctx, cancel := context.WithTimeout(context.Background(), tr.Patience)
	defer cancel()
	l, err := leaser.Acquire(ctx, id, opts...)
	if err != nil {
		return nil, fmt.Errorf("acquire: %w", err)
	}
	return l, nil
}

// over waits until a lease is reported lost.
func (tr *trial) over(l sync.Lease) error {
	select {
	case <-l.Lost():
		return nil
	case <-time.After(tr.Patience):
		return errors.New("the lease is not reported lost")
	}
}

// growsTokens acquires a lock that was released, that was unlocked and whose TTL
// was over, through both Syncs.
func growsTokens(tr *trial) error {
	var last uint64
	for i := range 6 {
		s := tr.first
		if i%2 == 1 {
			s = tr.second
		}
		var opts []sync.LockOption
		expires := i == 2 && !tr.NoTTL
		if expires {
			opts = append(opts, sync.LockTTL(tr.TTL))
		}
		l, err := tr.lease(s, tr.id, opts...)
		if err != nil {
			return err
		}
		if l.Token() <= last {
			return fmt.Errorf("token %d follows %d", l.Token(), last)
		}
		last = l.Token()
		switch {
		case expires:
		case i > 3:
			err = unlock(s, tr.id)
		default:
			err = l.Release(context.Background())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func endsWithContext(tr *trial) error {
	if err := tr.lock(tr.first, tr.id); err != nil {
		return err
	}
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := tr.second.(sync.Leaser).Acquire(ctx, tr.id)
		done <- err
	}()
	select {
	case err := <-done:
		cancel(nil)
		return fmt.Errorf("acquire did not wait: %w", err)
	case <-time.After(briefly):
	}
	cancel(cause)
	select {
	case err := <-done:
		if !errors.Is(err, cause) {
			return fmt.Errorf("the wait ended with %w, want the cause of the context", err)
		}
	case <-time.After(tr.Patience):
		return errors.New("the wait did not end")
	}
	return unlock(tr.first, tr.id)
}

func releases(tr *trial) error {
	l, err := tr.lease(tr.first, tr.id)
	if err != nil {
		return err
	}
	select {
	case <-l.Lost():
		return errors.New("a lease that is held is reported lost")
	default:
	}
	if err := l.Release(context.Background()); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	return errors.Join(tr.over(l), tr.lock(tr.second, tr.id), unlock(tr.second, tr.id))
}

func reportsExpiry(tr *trial) error {
	l, err := tr.lease(tr.first, tr.id, sync.LockTTL(tr.TTL))
	if err != nil {
		return err
	}
	if err := tr.over(l); err != nil {
		return err
	}
	if err := l.Release(context.Background()); !errors.Is(err, sync.ErrNotHeld) {
		return fmt.Errorf("releasing what is lost gives %v, want sync.ErrNotHeld", err)
	}
	return nil
}

func reportsClose(tr *trial) error {
	l, err := tr.lease(tr.first, tr.id)
	if err != nil {
		return err
	}
	return errors.Join(closing(tr.first), tr.over(l))
}
