package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
)

// maxPending bounds the events that are kept while the registry is asked. With
// more the answer is used once and not trusted afterwards.
const maxPending = 1024

// entry is what the cache has on one name.
type entry struct {
	name   string
	answer atomic.Pointer[snapshot] // nil while nothing is known
	used   atomic.Bool              // looked up since the last sweep

	mu      sync.Mutex
	table   *table             // of answer; nil until there is an event
	unused  int                // sweeps since the last lookup
	asking  *question          // the request to the registry under way
	pending []*registry.Result // events since it began
	watch   context.CancelFunc // for endWatch; nil when there is no watcher
}

// question is one request to the registry and its answer, for everybody who
// waits for it.
type question struct {
	done     chan struct{} // closed when the answer is there
	services []*registry.Service
	err      error
	// withdrawn is set when the request ended because the context of the
	// caller who made it did: that says nothing to the others.
	withdrawn bool
}

// lookup asks the registry, or waits for the answer to one who did.
func (c *cache) lookup(name string, opts []registry.GetOption) ([]*registry.Service, error) {
	options := options.Of(opts)
	ctx := options.Context
	if ctx == nil {
		ctx = context.Background()
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e, q, first := c.join(name)
		if first {
			c.answer(ctx, e, q, opts)
		} else if q != nil {
			select {
			case <-q.done:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
		if q == nil { // answered in the meantime
			if s := e.current(); s != nil {
				return s.services, nil
			}
			continue
		}
		if first || !q.withdrawn {
			return q.services, q.err
		}
	}
}

// join returns the entry of a name and the request under way for it, starting
// one when there is none. It returns no request when a fresh answer has
// arrived.
func (c *cache) join(name string) (e *entry, q *question, first bool) {
	for {
		v, ok := c.entries.Load(name)
		if !ok {
			v, _ = c.entries.LoadOrStore(name, &entry{name: name})
		}
		e = v.(*entry)
		e.mu.Lock()
		if now, ok := c.entries.Load(name); ok && now == v {
			break
		}
		e.mu.Unlock() // dropped in the meantime
	}
	defer e.mu.Unlock()
	switch {
	case e.asking != nil:
		return e, e.asking, false
	case e.answer.Load().fresh(time.Now()):
		return e, nil, false
	}
	e.asking = &question{done: make(chan struct{}), err: errPanicked}
	e.pending, e.unused = nil, 0
	c.startWatch(e)
	return e, e.asking, true
}

// refresh asks the registry again, while lookups go on with what is known. It
// is called once the first watcher of a name is open, for the changes between
// the first answer and that moment.
func (c *cache) refresh(ctx context.Context, e *entry) {
	e.mu.Lock()
	for e.asking != nil {
		earlier := e.asking
		e.mu.Unlock()
		select {
		case <-earlier.done:
		case <-ctx.Done():
			return
		}
		e.mu.Lock()
	}
	if e.answer.Load() == nil {
		e.mu.Unlock()
		return
	}
	q := &question{done: make(chan struct{}), err: errPanicked}
	e.asking, e.pending = q, nil
	e.mu.Unlock()
	c.answer(ctx, e, q, []registry.GetOption{registry.GetContext(ctx)})
}

// errPanicked is what the others get when asking the registry panicked.
var errPanicked = errors.New("the registry panicked")

// answer puts the question to the registry and shares what it says.
func (c *cache) answer(ctx context.Context, e *entry, q *question, opts []registry.GetOption) {
	defer close(q.done)
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.asking, e.pending = nil, nil
	}()
	services, err := c.ask(e.name, opts)

	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case err == nil:
		c.failing.Store(false)
		q.services, q.err = c.keep(e, freeze(services))
	case errors.Is(err, registry.ErrNotFound):
		c.failing.Store(false)
		c.drop(e)
		q.err = err
	default:
		c.fail(ctx, e, q, err)
	}
}

// fail answers a question that the registry could not: with the older copy when
// there is one. The caller holds e.mu.
func (c *cache) fail(ctx context.Context, e *entry, q *question, err error) {
	q.services, q.err = nil, err
	q.withdrawn = ctx.Err() != nil && errors.Is(err, ctx.Err())
	if !q.withdrawn {
		c.failing.Store(true)
	}
	old := e.complete()
	switch {
	case old == nil:
		c.drop(e)
	case !q.withdrawn:
		q.services, q.err = old.services, nil
	}
}

// keep remembers an answer, with the events that arrived while the registry
// was asked: the answer may be older than they are. The caller holds e.mu.
func (c *cache) keep(e *entry, services []*registry.Service) ([]*registry.Service, error) {
	e.table = nil
	if len(e.pending) > 0 {
		e.table = newTable(services)
		for _, r := range e.pending {
			e.table.apply(r)
		}
		services = e.table.services()
	}
	if len(services) == 0 {
		e.forget()
		return nil, registry.ErrNotFound
	}
	e.answer.Store(&snapshot{
		services: services,
		expires:  time.Now().Add(c.options.TTL),
		suspect:  len(e.pending) >= maxPending,
	})
	return services, nil
}

// drop forgets a name of which nothing is known, and ends its watcher: names
// that never existed must not add up. The caller holds e.mu.
func (c *cache) drop(e *entry) {
	e.forget()
	e.endWatch()
	c.entries.CompareAndDelete(e.name, e)
}

// apply takes an event in.
func (c *cache) apply(e *entry, r *registry.Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.asking != nil && len(e.pending) < maxPending {
		e.pending = append(e.pending, r)
	}
	old := e.answer.Load()
	if old == nil {
		return
	}
	failing := c.failing.Load()
	if e.table == nil || failing { // then an event that leaves nothing is undone
		old = e.complete()
		e.table = newTable(old.services)
	}
	changed := e.table.apply(r)
	if len(e.table.versions) == 0 {
		if e.table = nil; !failing {
			e.forget()
		}
		return
	}
	next := *old
	if changed {
		next.services = nil
	}
	if !old.suspect {
		next.expires = time.Now().Add(c.options.TTL)
	}
	e.answer.Store(&next)
}

// fresh returns what is known, nil when that is nothing or too old.
func (e *entry) fresh(now time.Time) *snapshot {
	s := e.answer.Load()
	if !s.fresh(now) {
		return nil
	}
	if !e.used.Load() { // seldom, so that many lookups at once share the line
		e.used.Store(true)
	}
	if s.services == nil {
		return e.current()
	}
	return s
}

// current returns what is known, with the events taken in; nil when nothing is.
func (e *entry) current() *snapshot {
	if s := e.answer.Load(); s == nil || s.services != nil {
		return s
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.complete()
}

// complete is current for a caller that holds e.mu.
func (e *entry) complete() *snapshot {
	s := e.answer.Load()
	if s != nil && s.services == nil {
		complete := *s
		complete.services = e.table.services()
		s = &complete
		e.answer.Store(s)
	}
	return s
}

// forget notes that nothing is known. The caller holds e.mu.
func (e *entry) forget() {
	e.answer.Store(nil)
	e.table = nil
}

// doubt marks what is known as suspect, after events may have been missed.
func (e *entry) doubt() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if old := e.answer.Load(); old != nil {
		e.answer.Store(&snapshot{services: old.services, suspect: true})
	}
}
