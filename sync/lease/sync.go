package lease

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	stdsync "sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/sync"
)

// connectTimeout bounds connecting, which may have to look up names.
const connectTimeout = 5 * time.Second

// Sync implements sync.Sync and sync.Leaser over a driver.
type Sync struct {
	driver  Driver
	options options.Current[sync.Options]

	connecting chan struct{} // holds a value while somebody connects or closes

	mu      stdsync.Mutex
	session *session // nil while not connected
	closed  bool
}

// New returns a Sync that connects when it is initialised, or first used.
func New(d Driver, opts ...sync.Option) *Sync {
	s := &Sync{driver: d, connecting: make(chan struct{}, 1)}
	options.Apply(&s.options, opts)
	return s
}

// String names the driver.
func (s *Sync) String() string { return s.driver.Name }

// Options returns a copy of the options in force.
func (s *Sync) Options() sync.Options {
	o := s.options.Get()
	o.Nodes = slices.Clone(o.Nodes)
	return o
}

// Init applies options and connects. When the new options lead to another
// connection, what is held over the old one is freed, and reported lost. When it
// fails everything stays as it was.
func (s *Sync) Init(opts ...sync.Option) error {
	before := s.Options()
	after := s.Options()
	options.To(&after, opts)
	ctx, cancel := connectContext(after)
	defer cancel()
	done, err := s.exclusively(ctx)
	if err != nil {
		return fmt.Errorf("init %s: %w", s, err)
	}
	defer done()

	old := s.current()
	if old != nil && (s.driver.Local || sameConnection(before, after)) {
		options.Apply(&s.options, opts)
		return nil
	}
	next, err := s.connect(ctx, after)
	if err != nil {
		return fmt.Errorf("init %s: %w", s, err)
	}
	options.Apply(&s.options, opts)
	s.become(next, false)
	if old != nil {
		old.close()
	}
	return nil
}

func connectContext(o sync.Options) (context.Context, context.CancelFunc) {
	ctx := o.Context
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithTimeout(ctx, connectTimeout)
}

// sameConnection reports whether a connection made with the one would do for
// the other. Driver-specific options are in the context.
func sameConnection(a, b sync.Options) bool {
	return slices.Equal(a.Nodes, b.Nodes) && sameTLS(a.TLSConfig, b.TLSConfig) &&
		a.Context == b.Context && sessionTTL(a) == sessionTTL(b)
}

func sameTLS(a, b *tls.Config) bool { return a == b }

func sessionTTL(o sync.Options) time.Duration {
	if o.SessionTTL <= 0 {
		return sync.DefaultSessionTTL
	}
	return o.SessionTTL
}

// exclusively keeps others from connecting and closing until done.
func (s *Sync) exclusively(ctx context.Context) (done func(), err error) {
	select {
	case s.connecting <- struct{}{}:
		return func() { <-s.connecting }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (s *Sync) connect(ctx context.Context, o sync.Options) (*session, error) {
	b, err := s.driver.Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	return newSession(s.driver, b, o), nil
}

func (s *Sync) current() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session
}

// become puts a session in the place of the old one, which it returns.
func (s *Sync) become(next *session, closed bool) (old *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old = s.session
	s.session, s.closed = next, closed
	return old
}

// connected returns the session, after connecting if that was not done yet.
func (s *Sync) connected(ctx context.Context) (*session, error) {
	if session := s.current(); session != nil {
		return session, nil
	}
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	done, err := s.exclusively(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	s.mu.Lock()
	session, closed := s.session, s.closed
	s.mu.Unlock()
	if session != nil {
		return session, nil
	}
	if closed {
		return nil, ErrClosed
	}
	session, err = s.connect(ctx, s.Options())
	if err == nil {
		s.become(session, false)
	}
	return session, err
}

// Close frees what is held, which is reported lost, and disconnects. The Sync
// can be initialised again.
func (s *Sync) Close() error {
	done, err := s.exclusively(context.Background())
	if err != nil {
		return err
	}
	defer done()
	if old := s.become(nil, true); old != nil {
		old.close()
	}
	return nil
}

// Lock acquires the lock for id.
func (s *Sync) Lock(id string, opts ...sync.LockOption) error {
	ctx := s.options.Get().Context
	if ctx == nil {
		ctx = context.Background()
	}
	_, err := s.acquire(ctx, id, false, opts)
	return err
}

// Acquire acquires the lock for id.
func (s *Sync) Acquire(ctx context.Context, id string, opts ...sync.LockOption) (sync.Lease, error) {
	l, err := s.acquire(ctx, id, false, opts)
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Leader waits until it leads.
func (s *Sync) Leader(id string, opts ...sync.LeaderOption) (sync.Leader, error) {
	var o sync.LeaderOptions
	options.To(&o, opts)
	ctx := o.Context
	if ctx == nil {
		ctx = s.options.Get().Context
	}
	if ctx == nil {
		ctx = context.Background()
	}
	l, err := s.acquire(ctx, id, true, nil)
	if err != nil {
		return nil, err
	}
	return leader{l}, nil
}

func (s *Sync) acquire(ctx context.Context, id string, leads bool, opts []sync.LockOption) (*lease, error) {
	var o sync.LockOptions
	options.To(&o, opts)
	if o.TTL < 0 {
		return nil, fmt.Errorf("lock %s: the TTL %v is negative", Quote(id), o.TTL)
	}
	session, err := s.connected(ctx)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %s: %w", Quote(id), s, err)
	}
	l, err := session.acquire(ctx, s.options.Get().Prefix+id, leads, o)
	if err == sync.ErrLockTimeout {
		return nil, err // programs compare it
	}
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", Quote(id), err)
	}
	return l, nil
}

// Unlock releases the lock, or ends the leadership, that this Sync has for id.
func (s *Sync) Unlock(id string) error {
	var l *lease
	if session := s.current(); session != nil {
		l = session.holder(s.options.Get().Prefix + id)
	}
	err := sync.ErrNotHeld
	if l != nil {
		err = l.release(context.Background(), l.status != nil)
	}
	if err == nil || s.driver.Lenient && errors.Is(err, sync.ErrNotHeld) {
		return nil
	}
	return fmt.Errorf("unlock %s: %w", Quote(id), err)
}

// Quote makes an id fit for a message.
func Quote(id string) string {
	const most = 100
	if len(id) > most {
		return fmt.Sprintf("%.*q… (%d bytes)", most, id, len(id))
	}
	return fmt.Sprintf("%q", id)
}
