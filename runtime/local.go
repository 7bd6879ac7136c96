package runtime

import (
	"errors"
	"fmt"

	"github.com/justcy/go-micro/v4/internal/options"
)

var (
	errNoProcesses = errors.New("the built-in runtime manages no processes; choose another one")
	errNotFound    = errors.New("Service not found")
)

// NewRuntime returns the built-in runtime, "local". It manages no processes:
// Create fails and says so, and there is never a service to read, update or
// delete.
func NewRuntime(opts ...Option) Runtime {
	return &local{options: options.New(*NewOptions(opts...))}
}

type local struct {
	options *options.Current[Options]
}

func (r *local) String() string { return "local" }

func (r *local) Init(opts ...Option) error {
	options.Apply(r.options, opts)
	return nil
}

func (r *local) Create(s *Service, _ ...CreateOption) error {
	return fmt.Errorf("create service %q: %w", nameOf(s), errNoProcesses)
}

func (r *local) Update(s *Service, _ ...UpdateOption) error {
	return fmt.Errorf("update service %q: %w", nameOf(s), errNotFound)
}

func (r *local) Logs(s *Service, _ ...LogsOption) (LogStream, error) {
	return nil, fmt.Errorf("logs of service %q: %w", nameOf(s), errNotFound)
}

func (r *local) Read(...ReadOption) ([]*Service, error) { return []*Service{}, nil }
func (r *local) Delete(*Service, ...DeleteOption) error { return nil }
func (r *local) Start() error                           { return nil }
func (r *local) Stop() error                            { return nil }

func nameOf(s *Service) string {
	if s == nil {
		return ""
	}
	return s.Name
}
