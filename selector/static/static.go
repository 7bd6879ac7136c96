// Package static finds services without a registry: a service is at the host of
// its own name, as container platforms resolve it, and all listen on one port.
//
//	STATIC_SELECTOR_DOMAIN_NAME=default.svc.cluster.local
//	STATIC_SELECTOR_PORT_NUMBER=9000
//
// With these in the environment, service greeter is at
// greeter.default.svc.cluster.local:9000. Without them it is at greeter:8080.
package static

import (
	"net"
	"os"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

const (
	// ENV_STATIC_SELECTOR_DOMAIN_NAME is the environment variable with the
	// domain that is added to the names of services.
	ENV_STATIC_SELECTOR_DOMAIN_NAME = "STATIC_SELECTOR_DOMAIN_NAME"
	// ENV_STATIC_SELECTOR_PORT_NUMBER is the environment variable with the
	// port that services listen on.
	ENV_STATIC_SELECTOR_PORT_NUMBER = "STATIC_SELECTOR_PORT_NUMBER"
	// DEFAULT_PORT_NUMBER is the port when the environment has none.
	DEFAULT_PORT_NUMBER = "8080"
)

// NewSelector returns a selector that reads the environment here and at Init.
// It has no use for registries, filters and strategies, and finds every service.
func NewSelector(opts ...selector.Option) selector.Selector {
	s := &staticSelector{}
	_ = s.Init(opts...) // never fails
	return s
}

type staticSelector struct {
	settings options.Current[settings]
}

type settings struct {
	options selector.Options
	suffix  string // with its leading dot, or empty
	port    string
}

func (s *staticSelector) Init(opts ...selector.Option) error {
	return s.settings.Change(func(to *settings) error {
		options.To(&to.options, opts)
		to.readEnvironment()
		return nil
	})
}

func (s *settings) readEnvironment() {
	s.suffix, s.port = "", DEFAULT_PORT_NUMBER
	if domain := os.Getenv(ENV_STATIC_SELECTOR_DOMAIN_NAME); domain != "" {
		s.suffix = "." + domain
	}
	if port := os.Getenv(ENV_STATIC_SELECTOR_PORT_NUMBER); port != "" {
		s.port = port
	}
}

func (s *staticSelector) Options() selector.Options {
	return s.settings.Get().options
}

func (s *staticSelector) Select(service string, _ ...selector.SelectOption) (selector.Next, error) {
	current := s.settings.Get()
	address := net.JoinHostPort(service+current.suffix, current.port)
	return func() (*registry.Node, error) {
		return &registry.Node{Id: service, Address: address}, nil
	}, nil
}

// Mark does nothing: there is no other node to prefer.
func (s *staticSelector) Mark(string, *registry.Node, error) {}

// Reset does nothing.
func (s *staticSelector) Reset(string) {}

// Close does nothing.
func (s *staticSelector) Close() error { return nil }

func (s *staticSelector) String() string { return "static" }
