package server_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
)

// multicast returns a multicast registry in a domain of the test's own.
func multicast(t *testing.T) registry.Registry {
	t.Helper()
	domain := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))[:16]
	r := registry.NewRegistry(func(o *registry.Options) {
		o.Context = context.WithValue(context.Background(), "mdns.domain", domain) //nolint:staticcheck // the key is a string
	})
	t.Cleanup(func() {
		if err := r.(interface{ Close() error }).Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestAServiceWithALongNameIsFound(t *testing.T) {
	for _, name := range []string{
		"payment-authorization-service",
		"com.example.payments.authorization-service-of-the-department",
		strings.Repeat("x", 63),
		strings.Repeat("ä", 31),
	} {
		r := multicast(t)
		id := uuid.NewString()
		s := newServer(t, server.Registry(r), server.Name(name), server.Id(id), server.Address("127.0.0.1:0"))
		start(t, s)
		var ids []string
		testkit.Eventually(t, name+" is found", func() bool {
			services, err := r.GetService(name)
			if err != nil || len(services) != 1 || len(services[0].Nodes) != 1 {
				return false
			}
			ids = []string{services[0].Nodes[0].Id}
			return true
		})
		if !strings.HasSuffix(ids[0], "-"+id) {
			t.Errorf("the node of %s has the id %s, want it to end with the server's", name, ids[0])
		}
	}
}

func TestServicesWithSimilarLongNamesHaveDifferentNodes(t *testing.T) {
	r := registry.NewMemoryRegistry()
	ids := map[string]bool{}
	for _, name := range []string{"payment-authorization-service-for-the-north", "payment-authorization-service-for-the-south"} {
		s := newServer(t, server.Registry(r), server.Name(name), server.Id(strings.Repeat("i", 36)))
		start(t, s)
		services, err := r.GetService(name)
		if err != nil {
			t.Fatal(err)
		}
		ids[services[0].Nodes[0].Id] = true
	}
	if len(ids) != 2 {
		t.Errorf("the ids are %v", ids)
	}
}

func TestStartFailsWithAServiceThatTheRegistryCannotHold(t *testing.T) {
	for what, opts := range map[string][]server.Option{
		"a name":  {server.Name(strings.Repeat("x", 64))},
		"an id":   {server.Name("short"), server.Id(strings.Repeat("x", 64))},
		"no part": {server.Name("a..b")},
	} {
		s := newServer(t, append(opts, server.Registry(multicast(t)))...)
		err := s.Start()
		if !errors.Is(err, registry.ErrInvalidService) || !strings.Contains(err.Error(), "dots") {
			t.Errorf("%s: Start returned %v", what, err)
		}
		if err := s.Stop(); err != nil {
			t.Errorf("%s: Stop after a failed Start returned %v", what, err)
		}
	}
}
