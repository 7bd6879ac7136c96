package sync

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
)

var (
	errNoStores  = errors.New("the sync has no stores")
	errNoContext = errors.New("please provide a context to the sync. Canceling the context signals that the sync is being disposed and syncs the sync")
)

// NewSync returns a store over the layers. Changes are passed on from Init, or
// by Sync.
func NewSync(opts ...Option) Sync {
	o := newOptions(opts)
	l := &layers{options: o, stores: slices.Clone(o.Stores), seed: maphash.MakeSeed()}
	for i := 1; i < len(l.stores); i++ {
		l.queues = append(l.queues, newQueue())
	}
	return l
}

// stripes is over how many locks the keys are spread.
const stripes = 64

type layers struct {
	options Options
	stores  []store.Store
	queues  []*queue // queues[i] holds what stores[i+1] has still to be told

	// Writers of one key take turns: otherwise two of them could reach the first
	// layer in one order and the queue in the other.
	seed  maphash.Seed
	turns [stripes]sync.Mutex

	initialising sync.Mutex // serialises Init
	storeOptions options.Current[store.Options]

	mu    sync.Mutex
	stop  context.CancelFunc // ends the running tasks; nil without any
	tasks *sync.WaitGroup    // of the tasks that stop ends
}

func (l *layers) String() string {
	names := make([]string, len(l.stores))
	for i, s := range l.stores {
		names[i] = s.String()
	}
	return fmt.Sprintf("sync %v", names)
}

func (l *layers) Options() store.Options {
	return l.storeOptions.Get()
}

func (l *layers) Init(opts ...store.Option) error {
	l.initialising.Lock()
	defer l.initialising.Unlock()
	err := l.storeOptions.Change(func(o *store.Options) error {
		options.To(o, opts)
		return l.initialise(o.Context)
	})
	if err != nil {
		return err
	}
	l.end()
	l.begin(l.Options())
	return nil
}

// initialise prepares the layers.
func (l *layers) initialise(ctx context.Context) error {
	if len(l.stores) == 0 {
		return errNoStores
	}
	if ctx == nil {
		return errNoContext
	}
	for _, s := range l.stores {
		if err := s.Init(); err != nil {
			return fmt.Errorf("Store %s failed to Init(): %w", s.String(), err)
		}
	}
	return nil
}

// begin starts a task for every queue. The tasks pass everything on when the
// user's context ends, and merely return when they are stopped.
func (l *layers) begin(options store.Options) {
	stopping, stop := context.WithCancel(context.Background())
	tasks := new(sync.WaitGroup)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stop, l.tasks = stop, tasks
	for i := range l.queues {
		tasks.Go(func() { l.passOnRegularly(options, stopping, i) })
	}
	if len(l.queues) > 0 {
		tasks.Go(func() { l.passOnAtTheEnd(options, stopping) })
	}
}

// end stops the tasks and waits for them.
func (l *layers) end() {
	l.mu.Lock()
	stop, tasks := l.stop, l.tasks
	l.stop = nil
	l.mu.Unlock()
	if stop != nil {
		stop()
	}
	if tasks != nil {
		tasks.Wait()
	}
}

func (l *layers) passOnRegularly(options store.Options, stopping context.Context, layer int) {
	ticker := time.NewTicker(l.options.interval(layer))
	defer ticker.Stop()
	for {
		select {
		case <-stopping.Done():
			return
		case <-options.Context.Done():
			return
		case <-ticker.C:
			report(options, l.passOn(layer))
		}
	}
}

func (l *layers) passOnAtTheEnd(options store.Options, stopping context.Context) {
	select {
	case <-stopping.Done():
	case <-options.Context.Done():
		report(options, l.Sync())
	}
}

func report(options store.Options, err error) {
	if err == nil {
		return
	}
	log := options.Logger
	if log == nil {
		log = logger.DefaultLogger
	}
	log.Logf(logger.ErrorLevel, "sync: %v; it will be tried again", err)
}

func (l *layers) Close() error {
	l.end()
	return l.Sync()
}

func (l *layers) Sync() error {
	var errs []error
	for i := range l.queues { // from the front, so that a change gets all the way
		errs = append(errs, l.passOn(i))
	}
	return errors.Join(errs...)
}

// passOn tells the store below a layer what has been queued so far. It stops at
// the first failure: the rest follows next time, in the same order.
func (l *layers) passOn(layer int) error {
	q, below := l.queues[layer], l.stores[layer+1]
	q.draining.Lock()
	defer q.draining.Unlock()
	for range q.len() {
		c := q.first()
		if c == nil {
			return nil
		}
		if err := c.apply(below); err != nil {
			return fmt.Errorf("pass %q on to store %s: %w", c.key, below.String(), err)
		}
		if layer+1 < len(l.queues) {
			l.queues[layer+1].add(c)
		}
		q.done(c)
	}
	return nil
}

func (l *layers) Write(r *store.Record, opts ...store.WriteOption) error {
	if len(l.stores) == 0 {
		return errNoStores
	}
	if r == nil {
		return errors.New("write to sync: the record is nil")
	}
	defer l.turn(r.Key)()
	c := written(r, opts)
	if err := l.stores[0].Write(r, opts...); err != nil {
		return err
	}
	l.enqueue(c)
	return nil
}

func (l *layers) Delete(key string, opts ...store.DeleteOption) error {
	if len(l.stores) == 0 {
		return errNoStores
	}
	defer l.turn(key)()
	if err := ignoreMissing(l.stores[0].Delete(key, opts...)); err != nil {
		return err
	}
	l.enqueue(deleted(key, opts))
	return nil
}

func (l *layers) enqueue(c *change) {
	if len(l.queues) > 0 {
		l.queues[0].add(c)
	}
}

// turn waits for the writers of the key before this one, and returns how to let
// the next one go.
func (l *layers) turn(key string) (done func()) {
	mu := &l.turns[maphash.String(l.seed, key)%stripes]
	mu.Lock()
	return mu.Unlock
}

func (l *layers) List(opts ...store.ListOption) ([]string, error) {
	if len(l.stores) == 0 {
		return nil, errNoStores
	}
	return l.stores[0].List(opts...)
}
