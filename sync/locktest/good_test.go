package locktest_test

import (
	"context"
	"strings"
	stdsync "sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/sync"
)

// backend holds the locks of all Syncs of a test.
type backend struct {
	mu     stdsync.Mutex
	locks  map[string]chan struct{} // holds a value while the lock is held
	tokens atomic.Uint64
}

func (b *backend) lock(key string) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.locks[key] == nil {
		b.locks[key] = make(chan struct{}, 1)
	}
	return b.locks[key]
}

// flaws break one rule each.
type flaws struct {
	nameless, forgetful, sticky, open, patient, reentrant, single, prefixless bool
	greedy, generous, caseless, cutting, fleeting                             bool
	timeless, early, hasty                                                    bool
	unclosing, untelling                                                      bool
	tokenless, uncancelled, endless, quiet                                    bool
	leaderless, apart, nervous, sour, calm                                    bool
}

// good is a small Sync that keeps every rule, but for its flaws.
type good struct {
	*backend
	flaws
	options sync.Options

	mu   stdsync.Mutex
	held map[string]*lease
}

func (g *good) String() string {
	if g.nameless {
		return ""
	}
	return "good"
}

func (g *good) Init(opts ...sync.Option) error {
	if g.forgetful {
		g.options = sync.Options{}
	}
	for _, o := range opts {
		o(&g.options)
	}
	return nil
}

func (g *good) Options() sync.Options { return g.options }

func (g *good) key(id string) string {
	switch {
	case g.single:
		return "the only one"
	case g.prefixless:
		return id
	case g.caseless:
		return strings.ToLower(g.options.Prefix + id)
	case g.cutting:
		return (g.options.Prefix + id)[:min(len(g.options.Prefix+id), 1000)]
	}
	return g.options.Prefix + id
}

func (g *good) Lock(id string, opts ...sync.LockOption) error {
	_, err := g.acquire(context.Background(), g.key(id), opts)
	return err
}

func (g *good) Acquire(ctx context.Context, id string, opts ...sync.LockOption) (sync.Lease, error) {
	if g.uncancelled {
		ctx = context.WithoutCancel(ctx)
		opts = append(opts, sync.LockWait(2*time.Second))
	}
	l, err := g.acquire(ctx, g.key(id), opts)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (g *good) acquire(ctx context.Context, key string, opts []sync.LockOption) (*lease, error) {
	var o sync.LockOptions
	for _, opt := range opts {
		opt(&o)
	}
	if l := g.holder(key); g.open || l != nil && g.reentrant {
		return g.hold(key, nil, o), nil
	}
	lock := g.lock(key)
	var timeout <-chan time.Time
	switch {
	case g.patient:
		timeout = time.After(2 * time.Second)
	case o.Wait > 0:
		timeout = time.After(o.Wait)
	}
	select {
	case lock <- struct{}{}:
		return g.hold(key, lock, o), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-timeout:
	}
	if g.greedy {
		go func() {
			select {
			case lock <- struct{}{}:
			case <-time.After(2 * time.Second):
			}
		}()
	}
	if g.patient {
		return g.hold(key, nil, o), nil
	}
	return nil, sync.ErrLockTimeout
}

func (g *good) holder(key string) *lease {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held[key]
}

func (g *good) hold(key string, lock chan struct{}, o sync.LockOptions) *lease {
	l := &lease{g: g, key: key, lock: lock, token: g.tokens.Add(1), over: make(chan struct{}), status: make(chan bool, 2)}
	if g.tokenless {
		l.token = 1
	}
	if o.TTL == 0 && g.fleeting {
		o.TTL = g.options.SessionTTL
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held[key] = l
	if o.TTL > 0 && !g.timeless {
		if g.early {
			o.TTL /= 2
		}
		l.timer = time.AfterFunc(o.TTL, l.expire)
	}
	return l
}

func (g *good) Unlock(id string) error {
	key := g.key(id)
	if l := g.holder(key); l != nil && !g.sticky {
		return l.Release(context.Background())
	}
	if g.generous {
		select {
		case <-g.lock(key):
		default:
		}
	}
	return nil
}

func (g *good) Close() error {
	if g.unclosing {
		return nil
	}
	g.mu.Lock()
	var all []*lease
	for _, l := range g.held {
		all = append(all, l)
	}
	g.mu.Unlock()
	for _, l := range all {
		l.end(true)
	}
	return nil
}

func (g *good) Leader(id string, _ ...sync.LeaderOption) (sync.Leader, error) {
	if g.leaderless {
		return nil, nil
	}
	key := g.key(id)
	if g.apart {
		key = "leader/" + key
	}
	l, err := g.acquire(context.Background(), key, nil)
	if err == nil && g.nervous {
		l.status <- true
	}
	return l, err
}

// lease is a lock or a leadership that is held.
type lease struct {
	g      *good
	key    string
	lock   chan struct{} // nil if it was given without asking
	token  uint64
	timer  *time.Timer
	over   chan struct{}
	status chan bool

	once stdsync.Once
	lost bool
}

func (l *lease) expire() {
	l.end(true)
	if l.g.hasty {
		select {
		case <-l.g.lock(l.key):
		default:
		}
	}
}

func (l *lease) end(lost bool) {
	l.once.Do(func() {
		l.lost = lost
		l.g.mu.Lock()
		if l.timer != nil && !l.g.hasty {
			l.timer.Stop()
		}
		if l.g.held[l.key] == l {
			delete(l.g.held, l.key)
		}
		l.g.mu.Unlock()
		if !l.g.untelling && !(l.g.endless && !lost) && !(l.g.quiet && lost) {
			close(l.over)
		}
		if lost && !l.g.calm || l.g.sour {
			l.status <- true
		}
		if l.lock != nil {
			<-l.lock
		}
	})
}

func (l *lease) Token() uint64         { return l.token }
func (l *lease) Lost() <-chan struct{} { return l.over }
func (l *lease) Resign() error         { return l.Release(context.Background()) }
func (l *lease) Status() chan bool     { return l.status }

func (l *lease) Release(context.Context) error {
	l.end(false)
	if l.lost {
		return sync.ErrNotHeld
	}
	return nil
}
