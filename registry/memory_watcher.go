package registry

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/justcy/go-micro/v4/internal/options"
)

// maxBehind is how many events a watcher may be behind before only the latest of
// each node are kept.
const maxBehind = 1024

// memoryWatcher queues the events of a memory registry in order.
type memoryWatcher struct {
	registry *memoryRegistry
	service  string        // empty for all
	stopped  chan struct{} // closed by Stop
	ready    chan struct{} // holds a token while Next has something to return
	stop     func()

	mu      sync.Mutex
	queue   []*Result
	crowded int         // the length of the queue at which events are dropped
	known   int         // the nodes registered when the queue was last empty
	lost    error       // why there is nothing more to come
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
	m.attach(w)
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
	w.queue = nil
	w.mu.Unlock()
	if release != nil {
		release()
	}
	w.registry.detach(w)
	close(w.stopped)
}

func (m *memoryRegistry) attach(w *memoryWatcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	same := m.watchers[w.service]
	if same == nil {
		same = map[*memoryWatcher]struct{}{}
		m.watchers[w.service] = same
	}
	same[w] = struct{}{}
}

func (m *memoryRegistry) detach(w *memoryWatcher) {
	m.mu.Lock()
	defer m.mu.Unlock()
	same := m.watchers[w.service]
	delete(same, w)
	if len(same) == 0 {
		delete(m.watchers, w.service)
	}
}

// push adds an event to the queue, which no one else may change. registered is how
// many nodes there are.
func (w *memoryWatcher) push(r *Result, registered int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost != nil {
		return
	}
	if len(w.queue) == 0 {
		w.known, w.crowded = registered, maxBehind
	}
	w.queue = append(w.queue, r)
	if len(w.queue) > w.crowded {
		w.queue = latest(w.queue)
		w.crowded = max(maxBehind, 2*len(w.queue))
		if most := max(maxBehind, 2*registered, 2*w.known); len(w.queue) > most {
			w.lost = fmt.Errorf("%w: the watcher is %d events behind, more than the %d that are kept", ErrEventsLost, len(w.queue), most)
			w.queue = nil
		}
	}
	w.signal()
}

// latest keeps of the events the last of each node, and the last without nodes of
// each version.
func latest(queue []*Result) []*Result {
	type key struct{ name, version, node string }
	seen := map[key]bool{}
	var kept []*Result // the last one first
	for _, r := range slices.Backward(queue) {
		s := *r.Service
		fresh := func(id string) bool {
			k := key{s.Name, s.Version, id}
			was := seen[k]
			seen[k] = true
			return !was
		}
		if len(s.Nodes) == 0 {
			if fresh("") {
				kept = append(kept, r)
			}
			continue
		}
		s.Nodes = nil
		for _, n := range r.Service.Nodes {
			if n != nil && fresh(n.Id) {
				s.Nodes = append(s.Nodes, n)
			}
		}
		switch len(s.Nodes) {
		case 0:
		case len(r.Service.Nodes):
			kept = append(kept, r)
		default:
			kept = append(kept, &Result{Action: r.Action, Service: &s})
		}
	}
	slices.Reverse(kept)
	return kept
}

func (w *memoryWatcher) signal() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

// pop takes the oldest event, nil when there is none.
func (w *memoryWatcher) pop() (*Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lost != nil {
		w.signal()
		return nil, w.lost
	}
	if len(w.queue) == 0 {
		return nil, nil
	}
	r := w.queue[0]
	w.queue[0] = nil
	w.queue = w.queue[1:]
	if len(w.queue) > 0 {
		w.signal()
	}
	return r, nil
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
			r, err := w.pop()
			if err != nil {
				return nil, err
			}
			if r != nil {
				return &Result{Action: r.Action, Service: r.Service.Clone()}, nil
			}
		}
	}
}

func (w *memoryWatcher) Stop() { w.stop() }
