package locktest_test

import (
	"slices"
	stdsync "sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/locktest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// backend holds the locks of all Syncs of a test.
type backend struct {
	mu    stdsync.Mutex
	locks map[string]chan struct{} // holds a token while the lock is held
}

func (b *backend) lock(id string) chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.locks[id] == nil {
		b.locks[id] = make(chan struct{}, 1)
	}
	return b.locks[id]
}

// good is a small Sync that keeps every rule. Each of its flags breaks one.
type good struct {
	*backend
	flaws
	options sync.Options
	mu      stdsync.Mutex
	timers  map[string]*time.Timer // of the locks this one holds
}

type flaws struct {
	nameless, forgetful, sticky, open, patient, reentrant, single, timeless, hasty, prefixless, leaderless, nervous bool
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
	}
	return g.options.Prefix + id
}

func (g *good) Lock(id string, opts ...sync.LockOption) error {
	var o sync.LockOptions
	for _, opt := range opts {
		opt(&o)
	}
	key := g.key(id)
	if g.open || g.reentrant && g.holds(key) {
		return nil
	}
	lock := g.lock(key)
	var timeout <-chan time.Time
	if o.Wait > 0 && !g.patient {
		timeout = time.After(o.Wait)
	} else if g.patient {
		timeout = time.After(2 * time.Second)
	}
	select {
	case lock <- struct{}{}:
	case <-timeout:
		if g.patient {
			return nil
		}
		return sync.ErrLockTimeout
	}
	g.hold(key, lock, o.TTL)
	return nil
}

func (g *good) holds(key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, held := g.timers[key]
	return held
}

func (g *good) hold(key string, lock chan struct{}, ttl time.Duration) {
	var timer *time.Timer
	if ttl > 0 && !g.timeless {
		timer = time.AfterFunc(ttl, func() {
			select {
			case <-lock:
			default:
			}
		})
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timers[key] = timer
}

func (g *good) Unlock(id string) error {
	if g.sticky {
		return nil
	}
	key := g.key(id)
	g.mu.Lock()
	timer := g.timers[key]
	delete(g.timers, key)
	g.mu.Unlock()
	if timer != nil && !g.hasty {
		timer.Stop()
	}
	select {
	case <-g.lock(key):
	default:
	}
	return nil
}

type leader struct {
	g      *good
	id     string
	status chan bool
}

func (g *good) Leader(id string, _ ...sync.LeaderOption) (sync.Leader, error) {
	if g.leaderless {
		return nil, nil
	}
	l := &leader{g: g, id: "leader/" + id, status: make(chan bool, 1)}
	if g.nervous {
		l.status <- true
	}
	return l, g.Lock(l.id)
}

func (l *leader) Resign() error     { return l.g.Unlock(l.id) }
func (l *leader) Status() chan bool { return l.status }

func harness(f flaws) locktest.Harness {
	b := &backend{locks: map[string]chan struct{}{}}
	return locktest.Harness{
		New: func(_ testing.TB, opts ...sync.Option) sync.Sync {
			g := &good{backend: b, flaws: f, timers: map[string]*time.Timer{}}
			for _, o := range opts {
				o(&g.options)
			}
			return g
		},
		TTL: 200 * time.Millisecond,
	}
}

func TestConformance(t *testing.T) {
	locktest.Run(t, harness(flaws{}))
}

func TestBrokenSyncsFailByTheRightRule(t *testing.T) {
	for rule, f := range map[string]flaws{
		"a sync has a name":                                      {nameless: true},
		"init adds to the options already set":                   {forgetful: true},
		"a lock that was unlocked can be locked again":           {sticky: true},
		"a lock waits until its holder unlocks":                  {open: true},
		"a lock that stays held fails with ErrLockTimeout":       {patient: true},
		"locks are not re-entrant":                               {reentrant: true},
		"locks of different ids do not disturb each other":       {single: true},
		"one at a time holds a lock":                             {open: true},
		"a lock is free when its TTL is over":                    {timeless: true},
		"the TTL of a lock that was unlocked ends nobody else's": {hasty: true},
		"prefixes separate ids":                                  {prefixless: true},
		"a leader is elected where there is none":                {leaderless: true},
		"the next leader is elected when the first resigns":      {open: true},
		"the status of a leader is silent while it leads":        {nervous: true},
	} {
		t.Run(rule, func(t *testing.T) {
			h := harness(f)
			h.Patience = 300 * time.Millisecond
			if got := locktest.Broken(t, h, rule); !slices.Contains(got, rule) {
				t.Error("the rule held")
			}
		})
	}
}

func TestDeclaredGapsAreSkipped(t *testing.T) {
	h := harness(flaws{timeless: true, prefixless: true, leaderless: true})
	h.NoTTL, h.NoPrefix, h.NoLeader, h.NoSharing = true, true, true, true
	if got := locktest.Broken(t, h); len(got) > 0 {
		t.Errorf("broken are %q", got)
	}
}
