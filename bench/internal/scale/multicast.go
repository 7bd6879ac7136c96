package scale

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/registry"

	"github.com/justcy/go-micro/bench/internal/cpu"
)

// Why costs grow faster than the work.
const (
	everybodyHears = "each of n announces itself, and each of n hears it"
	asksAgain      = "everybody hears every question, and a busy machine is asked again"
)

// multicastRows are about multicast DNS. All registries are in this process, so a
// cost is that of the whole network.
func multicastRows() []Row {
	return []Row{
		{Name: "mdns-find", Work: "running services looked up at once by a new registry", Most: 300, Known: asksAgain, Measure: mdnsFind},
		{Name: "mdns-start", Work: "registries with a service each start", Most: 300, Known: everybodyHears, Measure: mdnsStart},
		{Name: "mdns-idle", Work: "names followed for the ten seconds after they were looked up", Most: 300, Measure: mdnsIdle},
	}
}

// domains keeps the registries of one measurement apart from all others.
var domains atomic.Int64

// network is registries that hear each other and nobody else.
type network struct {
	domain     string
	registries []registry.Registry
}

func newNetwork() *network {
	return &network{domain: fmt.Sprintf("scale-%d-%d", time.Now().UnixNano(), domains.Add(1))}
}

func (n *network) registry() registry.Registry {
	r := registry.NewRegistry(func(o *registry.Options) {
		o.Context = context.WithValue(context.Background(), "mdns.domain", n.domain)
	})
	n.registries = append(n.registries, r)
	return r
}

func (n *network) close() {
	var closing sync.WaitGroup
	for _, r := range n.registries {
		closing.Go(func() { _ = r.(io.Closer).Close() }) // it says goodbye, as well as it can
	}
	closing.Wait()
}

func serviceName(i int) string { return fmt.Sprintf("%s-%d", service, i) }

// serve registers a service of one node.
func serve(r registry.Registry, i int) error {
	s := nodes(i, 1)
	s.Name = serviceName(i)
	return r.Register(s)
}

// responders is a network of ten registries with count services, all announced.
func responders(count int) (*network, error) {
	n := newNetwork()
	for range 10 {
		n.registry()
	}
	for i := range count {
		if err := serve(n.registries[i%10], i); err != nil {
			n.close()
			return nil, err
		}
	}
	time.Sleep(4 * time.Second) // three announcements
	return n, nil
}

// find looks all services up at once and fails unless all are found.
func find(r registry.Registry, count int) error {
	var missed atomic.Int64
	var looking sync.WaitGroup
	for i := range count {
		looking.Go(func() {
			if services, err := r.GetService(serviceName(i)); err != nil || len(services) == 0 {
				missed.Add(1)
			}
		})
	}
	looking.Wait()
	if n := missed.Load(); n > 0 {
		return fmt.Errorf("%d of %d running services are not found", n, count)
	}
	return nil
}

func mdnsFind(count int) (float64, error) {
	n, err := responders(count)
	if err != nil {
		return 0, err
	}
	defer n.close()
	return Processor(func() (Work, error) {
		r := n.registry()
		return Work{Do: func() error { return find(r, count) }}, nil
	})
}

func mdnsStart(count int) (float64, error) {
	n := newNetwork()
	defer n.close()
	start := cpu.Time()
	for i := range count {
		if err := serve(n.registry(), i); err != nil {
			return 0, err
		}
	}
	time.Sleep(4 * time.Second)
	return (cpu.Time() - start).Seconds(), nil
}

func mdnsIdle(count int) (float64, error) {
	n, err := responders(count)
	if err != nil {
		return 0, err
	}
	defer n.close()
	if err := find(n.registry(), count); err != nil {
		return 0, err
	}
	start := cpu.Time()
	time.Sleep(10 * time.Second)
	return (cpu.Time() - start).Seconds(), nil
}
