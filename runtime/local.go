package runtime

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

const defaultNamespace = "default"

var (
	errNotFound = errors.New("Service not found")
	errNoName   = errors.New("it needs a name, without zero bytes and of at most 200 bytes")
)

// alreadyRunning is ErrAlreadyExists in other words.
type alreadyRunning struct{}

func (alreadyRunning) Error() string        { return "service already running" }
func (alreadyRunning) Is(target error) bool { return target == ErrAlreadyExists }

// NewRuntime returns a runtime, "local", that runs services as processes of this
// machine.
//
// Create starts a service at once; Start begins to watch over the services: it
// restarts the ones that end, unless they failed too often in a row, and follows
// the events of the scheduler. Stop ends the services too. A service runs in a
// process group of its own, which ends with it, and ends when this process dies.
// What it writes is in the folder micro/logs of the one for temporary files.
//
// The services of one git repository share its clone: a service that is started again
// finds there what was checked out last, be it for another version.
//
// To run what was uploaded, a program imports package runtime/local.
func NewRuntime(opts ...Option) Runtime {
	folder, err := filepath.Abs(os.TempDir())
	if err != nil {
		folder = os.TempDir()
	}
	r := &local{
		options:  options.New(*NewOptions(opts...)),
		folder:   folder,
		services: make(map[string]map[string]*service),
		sources:  keyed{busy: make(map[string]chan struct{})},
	}
	r.fetching, r.abandon = context.WithCancel(context.Background())
	if err := os.MkdirAll(r.logs(), 0o755); err != nil {
		r.log(logger.ErrorLevel, "Runtime cannot make the folder for logs: %v", err)
	}
	return r
}

// local runs services on this machine.
type local struct {
	options *options.Current[Options]
	folder  string // everything is below it
	sources keyed  // the checkouts in progress, by folder

	mu       sync.Mutex
	services map[string]map[string]*service // by namespace and key
	watch    *watch                         // nil unless started
	fetching context.Context                // ends with the next Stop
	abandon  context.CancelFunc             // ends fetching
}

func (r *local) String() string { return "local" }

func (r *local) Init(opts ...Option) error {
	options.Apply(r.options, opts)
	return nil
}

func (r *local) log(level logger.Level, format string, args ...any) {
	if l := r.options.Get().Logger; l != nil {
		l.Logf(level, format, args...)
	}
}

// key identifies a service in its namespace.
func key(s *Service) string { return s.Name + ":" + s.Version }

func orDefault(namespace string) string {
	if namespace == "" {
		return defaultNamespace
	}
	return namespace
}

func orBackground(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}

func (r *local) Create(s *Service, opts ...CreateOption) error {
	o := options.Of(opts)
	o.Namespace = orDefault(o.Namespace)
	if err := r.create(orBackground(o.Context), s, o); err != nil {
		return fmt.Errorf("create service %q: %w", nameOf(s), err)
	}
	return nil
}

func (r *local) create(ctx context.Context, s *Service, o CreateOptions) error {
	if s == nil || !validName(s.Name) || !validName(o.Namespace) || s.Version != "" && !validName(s.Version) {
		return errNoName
	}
	u := newService(r, s, o)
	if !r.add(u) {
		return alreadyRunning{}
	}
	defer u.leave() // newService entered
	err := u.begin(ctx)
	if err != nil {
		r.remove(u)
		s.Metadata = u.snapshot().Metadata
		return err
	}
	*s = *u.snapshot()
	return nil
}

// validName reports whether a service can be called so. Names become parts of the
// names of files.
func validName(name string) bool {
	return name != "" && len(name) <= 200 && !strings.ContainsRune(name, 0)
}

// add takes a service in, unless there is one like it.
func (r *local) add(u *service) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.services[u.namespace] == nil {
		r.services[u.namespace] = make(map[string]*service)
	}
	if r.services[u.namespace][u.key] != nil {
		return false
	}
	r.services[u.namespace][u.key] = u
	return true
}

// remove forgets a service in which nothing runs. Who waits to enter it finds it
// deleted.
func (r *local) remove(u *service) {
	u.mu.Lock()
	u.deleted = true
	u.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.services[u.namespace][u.key] == u { // and not its successor
		delete(r.services[u.namespace], u.key)
	}
	if len(r.services[u.namespace]) == 0 {
		delete(r.services, u.namespace)
	}
}

// find returns a service, nil when there is none.
func (r *local) find(namespace, key string) *service {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.services[namespace][key]
}

// all returns the services of a namespace, of every one when it is empty, in a
// fixed order.
func (r *local) all(namespace string) []*service {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []*service
	for _, ns := range slices.Sorted(maps.Keys(r.services)) {
		if namespace != "" && namespace != ns {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(r.services[ns])) {
			found = append(found, r.services[ns][key])
		}
	}
	return found
}

func (r *local) Read(opts ...ReadOption) ([]*Service, error) {
	o := options.Of(opts)
	if err := orBackground(o.Context).Err(); err != nil {
		return nil, err
	}
	services := []*Service{}
	for _, u := range r.all(orDefault(o.Namespace)) {
		s := u.snapshot()
		if (o.Service == "" || o.Service == s.Name) && (o.Version == "" || o.Version == s.Version) && u.hasType(o.Type) {
			services = append(services, s)
		}
	}
	return services, nil
}

func (r *local) Update(s *Service, opts ...UpdateOption) error {
	o := options.Of(opts)
	if s == nil {
		return errNotFound
	}
	u := r.find(orDefault(o.Namespace), key(s))
	if u == nil {
		return fmt.Errorf("%w: %s in namespace %s", errNotFound, key(s), orDefault(o.Namespace))
	}
	if err := u.update(orBackground(o.Context), s, o.Env, time.Now()); err != nil {
		return fmt.Errorf("update service %q: %w", s.Name, err)
	}
	s.Metadata = u.snapshot().Metadata
	return nil
}

func (r *local) Delete(s *Service, opts ...DeleteOption) error {
	o := options.Of(opts)
	if s == nil {
		return nil
	}
	u := r.find(orDefault(o.Namespace), key(s))
	if u == nil {
		return nil
	}
	if err := u.delete(orBackground(o.Context)); err != nil {
		return fmt.Errorf("delete service %q: %w", s.Name, err)
	}
	s.Metadata = u.snapshot().Metadata
	return nil
}
