package registry

import (
	"context"
	"sync"

	"github.com/justcy/go-micro/v4/internal/options"
)

// memoryWatcher queues the events of a memory registry in order.
type memoryWatcher struct {
	registry *memoryRegistry
	service  string        // empty for all
	stopped  chan struct{} // closed by Stop
	ready    chan struct{} // holds a token while the queue may have events
	stop     func()

	mu      sync.Mutex
	queue   []*Result
	release func() bool // detaches the watcher from its context
}

func (m *memoryRegistry) Watch(opts ...WatchOption) (Watcher, error) {
	options := options.Of(opts)
	if err := contextError(options.Context); err != nil {
		return nil, err
	}
	w := &memoryWatcher{
		registry: m,
		service:  options.Service,
		stopped:  make(chan struct{}),
		ready:    make(chan struct{}, 1),
	}
	w.stop = sync.OnceFunc(w.end)
	m.mu.Lock()
	m.watchers[w] = struct{}{}
	m.mu.Unlock()
	if options.Context != nil {
		w.mu.Lock()
		w.release = context.AfterFunc(options.Context, w.stop)
		w.mu.Unlock()
	}
	return w, nil
}

func (w *memoryWatcher) end() {
	w.mu.Lock()
	release := w.release
	w.mu.Unlock()
	if release != nil {
		release()
	}
	w.registry.forget(w)
	close(w.stopped)
}

func (m *memoryRegistry) forget(w *memoryWatcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.watchers, w)
}

// push adds an event to the queue, which no one else may change.
func (w *memoryWatcher) push(r *Result) {
	w.mu.Lock()
	w.queue = append(w.queue, r)
	w.mu.Unlock()
	w.signal()
}

func (w *memoryWatcher) signal() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// pop takes the oldest event, nil when there is none.
func (w *memoryWatcher) pop() *Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return nil
	}
	r := w.queue[0]
	w.queue[0] = nil
	w.queue = w.queue[1:]
	if len(w.queue) > 0 {
		w.signal()
	}
	return r
}

func (w *memoryWatcher) Next() (*Result, error) {
	for {
		select {
		case <-w.stopped:
			return nil, ErrWatcherStopped
		default:
		}
		select {
		case <-w.stopped:
			return nil, ErrWatcherStopped
		case <-w.ready:
			if r := w.pop(); r != nil {
				return &Result{Action: r.Action, Service: r.Service.Clone()}, nil
			}
		}
	}
}

func (w *memoryWatcher) Stop() { w.stop() }
