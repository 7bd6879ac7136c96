package selector_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// fleet is a thousand services of three nodes each in a memory registry. One node
// in ten leaves in a minute, and another one joins in its place.
type fleet struct {
	registry registry.Registry
	nodes    [][]*registry.Node // by service

	mu   sync.Mutex
	gone map[string]time.Time // by node id
	next int                  // number of the next node
}

const (
	fleetServices = 1000
	fleetNodes    = 3
	fleetChurn    = fleetServices * fleetNodes / 10 // nodes that leave in a minute
	fleetClients  = 100
	// clientServices are how many services a client calls.
	clientServices = 10
)

func newFleet(t *testing.T) *fleet {
	f := &fleet{registry: registry.NewMemoryRegistry(), gone: map[string]time.Time{}}
	for i := range fleetServices {
		f.nodes = append(f.nodes, nil)
		for range fleetNodes {
			f.join(t, i)
		}
	}
	return f
}

func fleetName(service int) string { return fmt.Sprint("service-", service) }

func (f *fleet) service(service int, n *registry.Node) *registry.Service {
	return &registry.Service{Name: fleetName(service), Version: "1", Nodes: []*registry.Node{n}}
}

func (f *fleet) join(t *testing.T, service int) {
	f.next++
	n := &registry.Node{Id: fmt.Sprint("node-", f.next), Address: "127.0.0.1:1"}
	if err := f.registry.Register(f.service(service, n)); err != nil {
		t.Error(err)
	}
	f.nodes[service] = append(f.nodes[service], n)
}

func (f *fleet) leave(t *testing.T, service int) {
	i := rand.IntN(fleetNodes)
	n := f.nodes[service][i]
	f.nodes[service] = append(f.nodes[service][:i], f.nodes[service][i+1:]...)
	if err := f.registry.Deregister(f.service(service, n)); err != nil {
		t.Error(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone[n.Id] = time.Now()
}

// goneFor returns how long a node is gone, 0 while it is there.
func (f *fleet) goneFor(id string) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at, ok := f.gone[id]; ok {
		return time.Since(at)
	}
	return 0
}

func TestNoCallGoesToANodeThatIsGoneForMoreThanASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var clients sync.WaitGroup
		calls := make([]int, fleetClients)
		for i := range fleetClients {
			clients.Go(func() { calls[i] = f.client(ctx, t, i) })
		}
		for ctx.Err() == nil {
			time.Sleep(time.Minute / fleetChurn)
			service := rand.IntN(fleetServices)
			f.leave(t, service)
			f.join(t, service)
		}
		clients.Wait()
		for i, n := range calls {
			if n < 100 {
				t.Errorf("client %d made %d calls", i, n)
			}
		}
		if len(f.gone) < fleetChurn*9/10 {
			t.Errorf("%d nodes left", len(f.gone))
		}
	})
}

// client calls a part of the services, a few times a second, and returns how often.
func (f *fleet) client(ctx context.Context, t *testing.T, number int) (calls int) {
	s := selector.NewSelector(selector.Registry(f.registry))
	defer s.Close()
	first := number * fleetServices / fleetClients
	for ctx.Err() == nil {
		name := fleetName(first + rand.IntN(clientServices))
		n, err := s.(selector.Picker).Pick(context.Background(), name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return calls
		}
		if gone := f.goneFor(n.Id); gone > time.Second {
			t.Errorf("a call of %s goes to %s, which is gone for %v", name, n.Id, gone)
		}
		s.Mark(name, n, nil)
		calls++
		time.Sleep(time.Duration(100+rand.IntN(200)) * time.Millisecond)
	}
	return calls
}
