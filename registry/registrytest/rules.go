package registrytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/conformance"
	"github.com/justcy/go-micro/v4/registry"
)

// rules are the promises of a registry.
var rules = slices.Concat(lookupRules, changeRules, watchRules, lifetimeRules, outageRules)

var (
	noServiceMetadata = conformance.Flag("NoServiceMetadata", func(h Harness) bool { return h.NoServiceMetadata })
	noEndpoints       = conformance.Flag("NoEndpoints", func(h Harness) bool { return h.NoEndpoints })
	noListFull        = conformance.Flag("NoListFull", func(h Harness) bool { return h.NoListFull })
	noContext         = conformance.Flag("NoContext", func(h Harness) bool { return h.NoContext })
	noUpdate          = conformance.Flag("NoUpdate", func(h Harness) bool { return h.NoUpdate })
	noWatchAll        = conformance.Flag("NoWatchAll", func(h Harness) bool { return h.NoWatchAll })
	noTTL             = conformance.Flag("NoTTL", func(h Harness) bool { return h.NoTTL })
	noOutage          = conformance.Flag("no Outage", func(h Harness) bool { return h.Outage == nil })
	noExpiry          = conformance.Flag("NoTTL or NoExpiryEvent", func(h Harness) bool { return h.NoTTL || h.NoExpiryEvent })
)

var lookupRules = []conformance.Rule[Harness]{
	rule("a registered service is found with its version and nodes", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 2)
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		return tr.found(tr.first, s.Name, s)
	}),
	rule("a service is found by another instance on the same backend", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		return tr.found(tr.second, s.Name, s)
	}),
	rule("the metadata of a service is kept", noServiceMetadata, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		s.Metadata = map[string]string{"owner": "us", "empty": ""}
		return tr.kept(s, func(s *registry.Service) string { return describeMap(s.Metadata) })
	}),
	rule("endpoints are kept with their values and metadata", noEndpoints, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		s.Endpoints = endpoints()
		return tr.kept(s, func(s *registry.Service) string { return describeEndpoints(s.Endpoints) })
	}),
	rule("each version of a service is returned once with its own nodes", nil, func(tr *trial) error {
		name := tr.name()
		one, two := tr.service(name, "1.0.0", 2), tr.service(name, "2.0.0", 1)
		if err := errors.Join(tr.register(one.Clone()), tr.register(two.Clone())); err != nil {
			return err
		}
		return tr.found(tr.second, name, one, two)
	}),
	rule("an unknown service is not found", nil, func(tr *trial) error {
		services, err := tr.first.GetService(tr.name())
		switch {
		case len(services) > 0:
			return fmt.Errorf("GetService returns %s for a name nobody registered", describe(services))
		case tr.NoNotFound && err != nil:
			return fmt.Errorf("GetService: %w, want no error as the harness declares", err)
		case !tr.NoNotFound && !errors.Is(err, registry.ErrNotFound):
			return fmt.Errorf("the error of GetService is %v, want registry.ErrNotFound", err)
		}
		return nil
	}),
	rule("registered services are listed once by name and version and no more after they are gone", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 2)
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		if err := tr.listed(s.Name, 1); err != nil {
			return err
		}
		if err := tr.deregister(s.Clone()); err != nil {
			return err
		}
		return tr.listed(s.Name, 0)
	}),
	rule("listed services have their versions and nodes", noListFull, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 2)
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		return tr.eventually(func() error {
			all, err := tr.second.ListServices()
			if err != nil {
				return err
			}
			all = slices.DeleteFunc(all, func(o *registry.Service) bool { return o.Name != s.Name })
			if got, want := describe(all), describe([]*registry.Service{s}); got != want {
				return fmt.Errorf("ListServices returns %s, want %s", got, want)
			}
			return nil
		})
	}),
	rule("the registry shares no memory with its callers", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		given := s.Clone()
		if err := tr.register(given); err != nil {
			return err
		}
		spoil(given)
		if err := tr.found(tr.first, s.Name, s); err != nil {
			return fmt.Errorf("after the registered service was changed: %w", err)
		}
		got, err := get(tr.first, s.Name)
		if err != nil {
			return err
		}
		for _, g := range got {
			spoil(g)
		}
		if err := tr.found(tr.first, s.Name, s); err != nil {
			return fmt.Errorf("after the returned service was changed: %w", err)
		}
		return nil
	}),
	rule("a context that is done ends an operation with its error", noContext, func(tr *trial) error {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s := tr.service(tr.name(), "1.0.0", 1)
		_, got := tr.first.GetService(s.Name, registry.GetContext(ctx))
		_, listed := tr.first.ListServices(registry.ListContext(ctx))
		registered := tr.first.Register(s, registry.RegisterContext(ctx))
		for method, err := range map[string]error{"GetService": got, "ListServices": listed, "Register": registered} {
			if !errors.Is(err, context.Canceled) {
				return fmt.Errorf("the error of %s is %v, want context.Canceled", method, err)
			}
		}
		return nil
	}),
}

// kept checks that a part of a service comes back as it was registered.
func (tr *trial) kept(s *registry.Service, part func(*registry.Service) string) error {
	if err := tr.register(s.Clone()); err != nil {
		return err
	}
	return tr.eventually(func() error {
		got, err := get(tr.second, s.Name)
		if err != nil {
			return err
		}
		if len(got) != 1 {
			return fmt.Errorf("GetService returns %d versions, want 1", len(got))
		}
		if g, w := part(got[0]), part(s); g != w {
			return fmt.Errorf("it comes back as %s, want %s", g, w)
		}
		return nil
	})
}

// listed waits until a name is listed so many times.
func (tr *trial) listed(name string, want int) error {
	return tr.eventually(func() error {
		all, err := tr.second.ListServices()
		if err != nil {
			return fmt.Errorf("ListServices: %w", err)
		}
		got := 0
		for _, s := range all {
			if s != nil && s.Name == name {
				got++
			}
		}
		if got != want {
			return fmt.Errorf("ListServices has the service %d times, want %d", got, want)
		}
		return nil
	})
}

func endpoints() []*registry.Endpoint {
	return []*registry.Endpoint{
		{
			Name:     "Foo.Bar",
			Request:  &registry.Value{Name: "Req", Type: "Req", Values: []*registry.Value{{Name: "id", Type: "string"}}},
			Response: &registry.Value{Name: "Rsp", Type: "Rsp"},
			Metadata: map[string]string{"stream": "true"},
		},
		{Name: "Foo.Baz"},
	}
}

// spoil changes all of a service in place.
func spoil(s *registry.Service) {
	s.Version = "spoilt"
	for _, n := range s.Nodes {
		n.Address = "spoilt"
		n.Metadata["zone"] = "spoilt"
	}
	s.Nodes = s.Nodes[:0]
}

var changeRules = []conformance.Rule[Harness]{
	rule("nodes registered one after the other are all found", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 3)
		for _, n := range s.Nodes {
			if err := tr.register(withNodes(s, n)); err != nil {
				return err
			}
		}
		return tr.found(tr.second, s.Name, s)
	}),
	rule("a node that is registered again is listed once", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		for range 3 {
			if err := tr.register(s.Clone()); err != nil {
				return err
			}
		}
		return tr.found(tr.second, s.Name, s)
	}),
	rule("registering a node again publishes its new address and metadata", noUpdate, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		s.Nodes[0].Address = "127.0.0.1:20000"
		s.Nodes[0].Metadata = map[string]string{"zone": "moved"}
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		return tr.found(tr.second, s.Name, s)
	}),
	rule("a deregistered node is gone and the others stay", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 3)
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		if err := tr.deregister(withNodes(s, s.Nodes[1])); err != nil {
			return err
		}
		return tr.found(tr.second, s.Name, withNodes(s, s.Nodes[0], s.Nodes[2]))
	}),
	rule("a version without nodes is gone and the others stay", nil, func(tr *trial) error {
		name := tr.name()
		one, two := tr.service(name, "1.0.0", 1), tr.service(name, "2.0.0", 1)
		if err := errors.Join(tr.register(one.Clone()), tr.register(two.Clone())); err != nil {
			return err
		}
		if err := tr.deregister(one.Clone()); err != nil {
			return err
		}
		return tr.found(tr.second, name, two)
	}),
	rule("a service whose last node is deregistered is not found", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 2)
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		if err := tr.found(tr.second, s.Name, s); err != nil {
			return err
		}
		if err := tr.deregister(s.Clone()); err != nil {
			return err
		}
		return tr.found(tr.second, s.Name)
	}),
	rule("deregistering what is not registered is no error", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		if err := tr.deregister(s.Clone()); err != nil {
			return err
		}
		if err := tr.register(s.Clone()); err != nil {
			return err
		}
		if err := tr.found(tr.second, s.Name, s); err != nil {
			return fmt.Errorf("registered after it was deregistered: %w", err)
		}
		return tr.listed(s.Name, 1)
	}),
	rule("a service can come back after it was deregistered", nil, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		for range 2 {
			if err := tr.register(s.Clone()); err != nil {
				return err
			}
			if err := tr.found(tr.second, s.Name, s); err != nil {
				return err
			}
			if err := tr.deregister(s.Clone()); err != nil {
				return err
			}
			if err := tr.found(tr.second, s.Name); err != nil {
				return err
			}
		}
		return nil
	}),
	rule("the registry may be used by many goroutines at once", nil, func(tr *trial) error {
		name := tr.name()
		parts := make([]*registry.Service, 4)
		all := tr.service(name, "1.0.0", 0)
		for i := range parts {
			parts[i] = tr.service(name, "1.0.0", 1)
			all.Nodes = append(all.Nodes, parts[i].Nodes...)
		}
		errs := make([]error, len(parts))
		var wg sync.WaitGroup
		for i, s := range parts {
			wg.Go(func() {
				_, err := get(tr.second, name)
				_, listErr := tr.first.ListServices()
				errs[i] = errors.Join(tr.register(s.Clone()), err, listErr)
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		return tr.found(tr.second, name, all)
	}),
}

// withNodes is the service with these nodes instead of its own.
func withNodes(s *registry.Service, nodes ...*registry.Node) *registry.Service {
	c := s.Clone()
	c.Nodes = nil
	for _, n := range nodes {
		c.Nodes = append(c.Nodes, n.Clone())
	}
	return c
}

var lifetimeRules = []conformance.Rule[Harness]{
	rule("a registration that is not repeated ends with its TTL", noTTL, func(tr *trial) error {
		name := tr.name()
		mortal, immortal := tr.service(name, "1.0.0", 1), tr.service(name, "2.0.0", 1)
		if err := errors.Join(tr.register(mortal, registry.RegisterTTL(tr.ttl())), tr.register(immortal.Clone())); err != nil {
			return err
		}
		return tr.found(tr.second, name, immortal)
	}),
	rule("a service that expired is not found", noTTL, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		if err := tr.register(s.Clone(), registry.RegisterTTL(tr.ttl())); err != nil {
			return err
		}
		return tr.found(tr.second, s.Name)
	}),
	rule("a registration that is repeated outlives its TTL", noTTL, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		ttl := max(tr.ttl(), 3*time.Second)
		for end := time.Now().Add(ttl + ttl/2); time.Now().Before(end); time.Sleep(ttl / 10) {
			if err := tr.register(s.Clone(), registry.RegisterTTL(ttl)); err != nil {
				return err
			}
		}
		return tr.found(tr.second, s.Name, s)
	}),
	rule("watchers are told of a registration that expires", noExpiry, func(tr *trial) error {
		s := tr.service(tr.name(), "1.0.0", 1)
		ev, err := tr.watch(registry.WatchService(s.Name))
		if err != nil {
			return err
		}
		if err := tr.register(s.Clone(), registry.RegisterTTL(tr.ttl())); err != nil {
			return err
		}
		_, err = tr.await(ev, "the expiry", deleted(s.Name))
		return err
	}),
}
