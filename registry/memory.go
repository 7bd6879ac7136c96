package registry

import (
	"errors"
	"sync"
	"time"
	"weak"

	"github.com/justcy/go-micro/v4/internal/options"
)

// sweepInterval is how often nodes are checked for an expired TTL.
const sweepInterval = time.Second

// memoryRegistry keeps services in the process. The sweep for expired nodes
// is a timer that runs only while there are nodes with a TTL and holds the
// registry weakly, so a registry nobody uses is collected.
type memoryRegistry struct {
	options *options.Current[Options]

	mu       sync.RWMutex
	table    memoryTable
	watchers map[string]map[*memoryWatcher]struct{} // by the name they watch, empty for all
	sweeping bool
}

// NewMemoryRegistry returns a registry for the services of this process: for
// tests, and for programs that run all their services in one process.
//
// Events wait in order for their watcher. Of a watcher that is more than 1,024
// behind the latest of each node are kept, and the others are not reported any
// more. When these, too, are more than twice the nodes that are registered, or were
// when the watcher last was not behind, Next fails with [ErrEventsLost].
//
// A node whose TTL passes without another Register is gone within a second, and
// with its last node the version and the service: watchers get a Delete with the
// nodes that expired, GetService returns [ErrNotFound], and ListServices no longer
// has it. In go-micro v4 it stayed, without nodes, and nobody was told.
func NewMemoryRegistry(opts ...Option) Registry {
	m := &memoryRegistry{
		options:  options.New(*NewOptions(opts...)),
		table:    memoryTable{services: map[string]memoryVersions{}},
		watchers: map[string]map[*memoryWatcher]struct{}{},
	}
	m.preload()
	return m
}

// Init applies options. Services adds the names and versions not yet known.
func (m *memoryRegistry) Init(opts ...Option) error {
	options.Apply(m.options, opts)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.preload()
	return nil
}

// preload adds what the Services option holds. The caller has the lock, or
// the registry to itself.
func (m *memoryRegistry) preload() {
	ctx := m.options.Get().Context
	if ctx == nil {
		return
	}
	preloaded, _ := ctx.Value(servicesKey{}).(map[string][]*Service)
	for _, versions := range preloaded {
		for _, s := range versions {
			if s != nil && m.table.find(s.Name, s.Version) == nil {
				m.table.put(s, 0, time.Now())
			}
		}
	}
}

func (m *memoryRegistry) Options() Options {
	return m.options.Get()
}

// Register stores the service, and tells the watchers when something changed.
func (m *memoryRegistry) Register(s *Service, opts ...RegisterOption) error {
	options := options.Of(opts)
	if err := contextError(options.Context); err != nil {
		return err
	}
	if s == nil {
		return errors.New("register: no service given")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.table.put(s, options.TTL, time.Now()) {
		m.notify(Update, s)
	}
	if options.TTL > 0 {
		m.startSweep()
	}
	return nil
}

func (m *memoryRegistry) Deregister(s *Service, opts ...DeregisterOption) error {
	options := options.Of(opts)
	if err := contextError(options.Context); err != nil {
		return err
	}
	if s == nil {
		return errors.New("deregister: no service given")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.table.remove(s) {
		m.notify(Delete, s)
	}
	return nil
}

func (m *memoryRegistry) GetService(name string, opts ...GetOption) ([]*Service, error) {
	options := options.Of(opts)
	if err := contextError(options.Context); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	versions, ok := m.table.services[name]
	if !ok {
		return nil, ErrNotFound
	}
	return versions.copies(), nil
}

func (m *memoryRegistry) ListServices(opts ...ListOption) ([]*Service, error) {
	options := options.Of(opts)
	if err := contextError(options.Context); err != nil {
		return nil, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var all []*Service
	for _, versions := range m.table.services {
		all = append(all, versions.copies()...)
	}
	return all, nil
}

func (m *memoryRegistry) String() string { return "memory" }

// notify queues a change for every watcher it concerns. The caller has the
// lock, which keeps the events of all goroutines in one order.
func (m *memoryRegistry) notify(t EventType, s *Service) {
	var r *Result // made once, and only when somebody watches
	for _, name := range [...]string{s.Name, ""} {
		for w := range m.watchers[name] {
			if r == nil {
				r = &Result{Action: t.String(), Service: s.Clone()}
			}
			w.push(r, m.table.nodes)
		}
		if name == "" { // of a service without a name all have been told
			return
		}
	}
}

// startSweep arranges the next check for expired nodes unless one is due. The
// caller has the lock.
func (m *memoryRegistry) startSweep() {
	if m.sweeping {
		return
	}
	m.sweeping = true
	registry := weak.Make(m)
	time.AfterFunc(sweepInterval, func() {
		if m := registry.Value(); m != nil {
			m.sweep()
		}
	})
}

// sweep removes the nodes whose TTL has passed and tells the watchers.
func (m *memoryRegistry) sweep() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweeping = false
	expired, waiting := m.table.expire(time.Now())
	for _, s := range expired {
		m.notify(Delete, s)
	}
	if waiting {
		m.startSweep()
	}
}
