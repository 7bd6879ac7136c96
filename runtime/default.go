package runtime

import (
	"errors"
	"fmt"
	"sync"
)

// errNotLinked is returned by DefaultRuntime in a program that links no runtime.
var errNotLinked = errors.New(`no runtime is linked into this program: import _ "github.com/justcy/go-micro/v4/runtime/local", or use runtime.NewRuntime`)

var registered struct {
	sync.Mutex
	runtime func(...Option) Runtime
}

// RegisterDefault makes a runtime the one behind NewDefault. The package of a
// runtime calls it when it is initialised; a second call panics, since which of
// two wins would depend on the order of imports.
func RegisterDefault(make func(...Option) Runtime) {
	registered.Lock()
	defer registered.Unlock()
	if registered.runtime != nil {
		panic("runtime: two default runtimes are linked into this program")
	}
	registered.runtime = make
}

// NewDefault returns the runtime that the program links by importing its package,
// the local one for runtime/local. Where there is none, Create, Update and Logs
// fail and say so.
func NewDefault(opts ...Option) Runtime {
	return &defaultRuntime{opts: opts}
}

// defaultRuntime becomes the registered runtime when it is used.
type defaultRuntime struct {
	mu      sync.Mutex
	opts    []Option // until then
	runtime Runtime  // from then on
}

// linked returns the registered runtime, nil when there is none.
func (d *defaultRuntime) linked() Runtime {
	registered.Lock()
	create := registered.runtime
	registered.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.runtime == nil && create != nil {
		d.runtime, d.opts = create(d.opts...), nil
	}
	return d.runtime
}

func (d *defaultRuntime) Init(opts ...Option) error {
	d.mu.Lock()
	r := d.runtime
	if r == nil {
		d.opts = append(d.opts, opts...)
	}
	d.mu.Unlock()
	if r == nil {
		return nil
	}
	return r.Init(opts...)
}

func (d *defaultRuntime) Create(s *Service, opts ...CreateOption) error {
	if r := d.linked(); r != nil {
		return r.Create(s, opts...)
	}
	return fmt.Errorf("create service %q: %w", nameOf(s), errNotLinked)
}

func (d *defaultRuntime) Read(opts ...ReadOption) ([]*Service, error) {
	if r := d.linked(); r != nil {
		return r.Read(opts...)
	}
	return []*Service{}, nil
}

func (d *defaultRuntime) Update(s *Service, opts ...UpdateOption) error {
	if r := d.linked(); r != nil {
		return r.Update(s, opts...)
	}
	return fmt.Errorf("update service %q: %w", nameOf(s), errNotLinked)
}

func (d *defaultRuntime) Delete(s *Service, opts ...DeleteOption) error {
	if r := d.linked(); r != nil {
		return r.Delete(s, opts...)
	}
	return nil
}

func (d *defaultRuntime) Logs(s *Service, opts ...LogsOption) (LogStream, error) {
	if r := d.linked(); r != nil {
		return r.Logs(s, opts...)
	}
	return nil, fmt.Errorf("logs of service %q: %w", nameOf(s), errNotLinked)
}

func (d *defaultRuntime) Start() error {
	if r := d.linked(); r != nil {
		return r.Start()
	}
	return nil
}

func (d *defaultRuntime) Stop() error {
	if r := d.linked(); r != nil {
		return r.Stop()
	}
	return nil
}

func (d *defaultRuntime) String() string { return "local" }

func nameOf(s *Service) string {
	if s == nil {
		return ""
	}
	return s.Name
}
