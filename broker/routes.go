package broker

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

const (
	// routesFresh is how long a Publish trusts an answer of the registry that
	// nobody keeps up to date. It saves asking for each message of a burst.
	routesFresh = 5 * time.Millisecond
	// routesRetry is the same for senders that try again.
	routesRetry = 500 * time.Millisecond
	// followPause is the least time between two looks at the registry because
	// of events, and followRetry the pause after a failure.
	followPause = 10 * time.Millisecond
	followRetry = time.Second
	// lookEvery is how often to look without an event: an answer of a lossy
	// registry may lack somebody.
	lookEvery = 15 * time.Second
	// followedFresh is how long a Publish trusts a followed answer, and
	// followedRetry the same for senders that try again: what they know has not
	// helped them.
	followedFresh = 2 * lookEvery
	followedRetry = time.Second
)

// version is one receiver of a topic: a queue group, or all subscribers
// without a queue.
type version struct {
	name  string
	nodes []*registry.Node
}

func (v version) broadcast() bool { return v.name == broadcastVersion }

// routes knows where the subscribers of each topic are. While the broker is
// connected it follows the registry: each event leads to another look, in the
// background, so that publishers do not wait for the registry but for the first
// time. Unlike registry/cache it looks again once the watcher has started, and
// so misses no subscriber that came between the first look and the watcher.
type routes struct {
	lookup  func() registry.Registry
	looking chan struct{} // held while the registry is asked
	wanted  chan struct{} // closed by the first question
	want    func()

	mu       sync.Mutex
	asked    time.Time // when the answer was asked for
	topics   map[string][]version
	err      error
	followed bool   // the answer is kept up to date
	changed  uint64 // counts what makes answers on their way worthless
}

func newRoutes(lookup func() registry.Registry) *routes {
	r := &routes{lookup: lookup, looking: make(chan struct{}, 1), wanted: make(chan struct{})}
	r.want = sync.OnceFunc(func() { close(r.wanted) })
	return r
}

// forget makes the next question go to the registry.
func (r *routes) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = time.Time{}
	r.topics, r.err = nil, nil
	r.changed++
}

// of returns the receivers of a topic as of at most age ago. Callers that wait
// while the registry is asked share the answer.
func (r *routes) of(ctx context.Context, topic string, age time.Duration) ([]version, error) {
	r.want()
	arrived := time.Now()
	if versions, err, ok := r.known(topic, arrived, age); ok {
		return versions, err
	}
	select {
	case r.looking <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-r.looking }()
	if versions, err, ok := r.known(topic, arrived, age); ok {
		return versions, err
	}
	topics, err := r.ask(ctx)
	return topics[topic], err
}

// known returns the answer at hand if it is good enough. A failure is only
// shared by those who waited for it, and by senders that try again.
func (r *routes) known(topic string, arrived time.Time, age time.Duration) (versions []version, err error, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	followed := followedFresh
	if age >= routesRetry {
		followed = followedRetry
	}
	switch {
	case r.asked.IsZero():
		return nil, nil, false
	case r.asked.After(arrived):
	case r.followed && r.err == nil && r.asked.After(arrived.Add(-followed)):
	case r.err != nil && age < routesRetry, !r.asked.After(arrived.Add(-age)):
		return nil, nil, false
	}
	return r.topics[topic], r.err, true
}

// ask looks at the registry and notes the answer. The caller holds looking.
func (r *routes) ask(ctx context.Context) (map[string][]version, error) {
	asked := time.Now()
	r.mu.Lock()
	before := r.changed
	r.mu.Unlock()
	services, err := r.lookup().GetService(serviceName, registry.GetContext(ctx))
	if err == nil && len(services) == 0 {
		err = registry.ErrNotFound
	}
	if ctx.Err() != nil {
		return nil, ctx.Err() // the caller's reason, not to be shared
	}
	topics := byTopic(services)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.changed != before:
	case r.followed && r.err == nil && err != nil && !errors.Is(err, registry.ErrNotFound):
		// While the registry cannot be asked the last answer has to do.
		return r.topics, nil
	default:
		r.asked, r.topics, r.err = asked, topics, err
	}
	return topics, err
}

// follow keeps the answer up to date until ctx is done, once there was a
// question.
func (r *routes) follow(ctx context.Context, reg registry.Registry) {
	select {
	case <-r.wanted:
	case <-ctx.Done():
		return
	}
	for ctx.Err() == nil {
		w, err := reg.Watch(registry.WatchService(serviceName), registry.WatchContext(ctx))
		if err == nil {
			r.followWatcher(ctx, w)
		}
		r.setFollowed(false)
		sleep(ctx, followRetry)
	}
}

// followWatcher looks at the registry now and after each event, until the
// watcher ends.
func (r *routes) followWatcher(ctx context.Context, w registry.Watcher) {
	stop := sync.OnceFunc(w.Stop)
	defer context.AfterFunc(ctx, stop)()
	var reading sync.WaitGroup
	defer reading.Wait()
	defer stop()
	events := make(chan struct{}, 1)
	events <- struct{}{} // for what happened before the watcher started
	reading.Go(func() {
		defer close(events)
		for {
			if _, err := w.Next(); err != nil {
				return
			}
			select {
			case events <- struct{}{}:
			default: // a look is due anyway
			}
		}
	})
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case _, more := <-events:
			if !more {
				return
			}
		case <-ticker.C:
		}
		for !r.look(ctx) && ctx.Err() == nil {
			sleep(ctx, followRetry)
		}
		sleep(ctx, followPause)
	}
}

// look asks the registry on behalf of everybody, and reports whether there was
// an answer.
func (r *routes) look(ctx context.Context) bool {
	select {
	case r.looking <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-r.looking }()
	_, err := r.ask(ctx)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		return false
	}
	r.setFollowed(true)
	return true
}

func (r *routes) setFollowed(followed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.followed = followed
}

// sleep waits for d or until ctx is done.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// byTopic sorts the nodes of all http brokers by topic and version.
func byTopic(services []*registry.Service) map[string][]version {
	topics := map[string][]version{}
	for _, s := range services {
		if s == nil {
			continue
		}
		for _, n := range s.Nodes {
			if n == nil || n.Metadata["broker"] != "http" {
				continue
			}
			topic := n.Metadata["topic"]
			topics[topic] = withNode(topics[topic], s.Version, n)
		}
	}
	return topics
}

func withNode(versions []version, name string, n *registry.Node) []version {
	for i := range versions {
		if versions[i].name == name {
			versions[i].nodes = append(versions[i].nodes, n)
			return versions
		}
	}
	return append(versions, version{name: name, nodes: []*registry.Node{n}})
}
