package lease

import (
	"context"
	stdsync "sync"
)

// turns lets the lockers of one key in this process go one by one, in the order
// in which they came.
type turns struct {
	mu    stdsync.Mutex
	queue map[string]*turn
}

type turn struct {
	taken chan struct{} // holds a value while it is somebody's turn
	users int           // whose turn it is, and who waits for it
}

// take waits for the turn. Whoever has it must call pass, once or more.
func (t *turns) take(ctx context.Context, key string) (pass func(), err error) {
	u := t.join(key)
	select {
	case u.taken <- struct{}{}:
		return t.passing(key, u), nil
	default:
	}
	select {
	case u.taken <- struct{}{}:
		return t.passing(key, u), nil
	case <-ctx.Done():
		t.leave(key, u)
		return nil, context.Cause(ctx)
	}
}

func (t *turns) passing(key string, u *turn) (pass func()) {
	return stdsync.OnceFunc(func() {
		<-u.taken
		t.leave(key, u)
	})
}

func (t *turns) join(key string) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	u := t.queue[key]
	if u == nil {
		u = &turn{taken: make(chan struct{}, 1)}
		t.queue[key] = u
	}
	u.users++
	return u
}

func (t *turns) leave(key string, u *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if u.users--; u.users == 0 {
		delete(t.queue, key)
	}
}
