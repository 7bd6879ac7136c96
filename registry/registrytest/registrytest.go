// Package registrytest checks that a registry does what package registry
// promises. The author of a driver runs it in a few lines:
//
//	func TestConformance(t *testing.T) {
//		registrytest.Run(t, registrytest.Harness{
//			New: func(t testing.TB) (a, b registry.Registry) {
//				return etcd.NewRegistry(addrs), etcd.NewRegistry(addrs)
//			},
//			Settle: 100 * time.Millisecond,
//		})
//	}
//
// The names of services are unique to each run, so a server can be shared. The
// nodes have addresses at 127.0.0.1 where nothing listens.
package registrytest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/registry"
)

// Harness makes the registries to check and declares what they cannot do.
type Harness struct {
	// New returns two instances on the same backend; a registry without one
	// returns the same instance twice. It is called once for each rule, and
	// what needs closing is closed with t.Cleanup.
	New func(t testing.TB) (first, second registry.Registry)
	// Outage returns two instances on a backend that the rule can take away from
	// both and give back. Nil: the rules about it are skipped.
	Outage func(t testing.TB) (first, second registry.Registry, begin, end func())
	// Settle is how long a watcher needs to be ready after Watch.
	Settle time.Duration
	// Patience is how long a change may need to be seen; 0 means 30s.
	Patience time.Duration
	// Simulated: the registries live in this process and wait for timers and
	// each other alone. Each rule is checked in the simulated time of a synctest
	// bubble, so that New must make all that it returns.
	Simulated bool
	// TTL is the shortest TTL that the backend respects; 0 means 1s.
	TTL time.Duration

	// NoNotFound: an unknown service gives an empty list and no error.
	NoNotFound bool
	// NoListFull: ListServices returns names alone.
	NoListFull bool
	// NoServiceMetadata: the metadata of a service is not published.
	NoServiceMetadata bool
	// NoEndpoints: endpoints are not published.
	NoEndpoints bool
	// NoUpdate: registering a known node again does not publish its changes.
	NoUpdate bool
	// NoTTL: registrations do not expire.
	NoTTL bool
	// NoExpiryEvent: watchers are not told of registrations that expire.
	NoExpiryEvent bool
	// NoDeleteNodes: delete events do not list the nodes.
	NoDeleteNodes bool
	// NoDeleteVersion: delete events do not name the version.
	NoDeleteVersion bool
	// NoWatchAll: a watcher needs the name of a service.
	NoWatchAll bool
	// NoContext: a context that is done does not end an operation.
	NoContext bool
}

// Run checks every rule in a subtest of its name.
func Run(t *testing.T, h Harness) {
	if h.Simulated {
		conformance.RunSimulated(t, h, rules)
		return
	}
	conformance.RunParallel(t, h, rules)
}

// rule is one promise of a registry, which a harness with the gap need not
// keep. It is checked on fresh registries.
func rule(sentence string, gap func(Harness) string, check func(*trial) error) conformance.Rule[Harness] {
	return conformance.Rule[Harness]{
		Sentence: sentence,
		Gap:      gap,
		Check: conformance.Returned(func(t testing.TB, h Harness) error {
			first, second := h.New(t)
			return check(&trial{Harness: h, t: t, first: first, second: second})
		}),
	}
}

// trial is what the check of one rule works with.
type trial struct {
	Harness
	t             testing.TB
	first, second registry.Registry
	nodes         int
}

// name returns the name of a service that nobody else has.
func (tr *trial) name() string {
	return "registrytest-" + strings.ToLower(rand.Text()[:12])
}

// service returns a version of a service with so many nodes, whose ids are
// unique in the trial.
func (tr *trial) service(name, version string, nodes int) *registry.Service {
	s := &registry.Service{Name: name, Version: version}
	for range nodes {
		tr.nodes++
		s.Nodes = append(s.Nodes, &registry.Node{
			Id:       fmt.Sprintf("%s-node%d", name, tr.nodes),
			Address:  fmt.Sprintf("127.0.0.1:%d", 10000+tr.nodes),
			Metadata: map[string]string{"zone": fmt.Sprintf("z%d", tr.nodes)},
		})
	}
	return s
}

// register registers with the first registry and deregisters in the end.
func (tr *trial) register(s *registry.Service, opts ...registry.RegisterOption) error {
	gone := s.Clone()
	tr.t.Cleanup(func() { _ = tr.first.Deregister(gone) })
	if err := tr.first.Register(s, opts...); err != nil {
		return fmt.Errorf("Register(%s): %w", s.Name, err)
	}
	return nil
}

// deregister removes a service through the first registry.
func (tr *trial) deregister(s *registry.Service) error {
	if err := tr.first.Deregister(s); err != nil {
		return fmt.Errorf("Deregister(%s): %w", s.Name, err)
	}
	return nil
}

// get looks a service up; one that is not found has no versions.
func get(r registry.Registry, name string) ([]*registry.Service, error) {
	services, err := r.GetService(name)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("GetService(%s): %w", name, err)
	}
	return services, nil
}

// eventually polls until ok returns nil, and returns its last error.
func (tr *trial) eventually(ok func() error) error {
	deadline := time.Now().Add(tr.patience())
	for {
		err := ok()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (tr *trial) patience() time.Duration {
	if tr.Patience > 0 {
		return tr.Patience
	}
	return 30 * time.Second
}

func (tr *trial) ttl() time.Duration {
	if tr.TTL > 0 {
		return tr.TTL
	}
	return time.Second
}

// found waits until a registry shows exactly these versions and nodes.
func (tr *trial) found(r registry.Registry, name string, want ...*registry.Service) error {
	return tr.eventually(func() error {
		got, err := get(r, name)
		if err != nil {
			return err
		}
		if g, w := describe(got), describe(want); g != w {
			return fmt.Errorf("GetService(%s) returns %s, want %s", name, g, w)
		}
		return nil
	})
}
