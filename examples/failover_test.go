package examples_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// load calls the greeter at a steady rate and notes who answers.
type load struct {
	client greeter.GreeterService
	stop   context.CancelFunc
	calls  sync.WaitGroup

	mu       sync.Mutex
	answered map[string]int
	failed   []error
}

// callsPerSecond is the rate of a load.
const callsPerSecond = 500

func startLoad(t *testing.T) *load {
	t.Helper()
	service := micro.NewService(micro.Name("load"))
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{
		client:   greeter.NewGreeterService("greeter", service.Client()),
		stop:     cancel,
		answered: map[string]int{},
	}
	l.calls.Go(func() {
		tick := time.NewTicker(time.Second / callsPerSecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				l.calls.Go(l.call)
			case <-ctx.Done():
				return
			}
		}
	})
	t.Cleanup(func() {
		l.end()
		_ = service.Client().Options().Selector.Close()
	})
	return l
}

func (l *load) call() {
	rsp, err := l.client.Hello(context.Background(), &greeter.HelloRequest{Name: "John"})
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = append(l.failed, err)
		return
	}
	l.answered[rsp.GetServer()]++
}

func (l *load) by(server string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered[server]
}

// end waits for the calls that are under way.
func (l *load) end() {
	l.stop()
	l.calls.Wait()
}

// TestKilledServerCostsNoCall kills one of three servers under load, and starts
// it again at another port.
func TestKilledServerCostsNoCall(t *testing.T) {
	servers := map[string]*process{}
	for _, id := range []string{"one", "two", "three"} {
		servers[id] = start(t, "srv", "--server_id", id)
	}
	awaitServers(t, "one", "two", "three")
	l := startLoad(t)
	testkit.Eventually(t, "all three servers answer", func() bool {
		return l.by("one") > 0 && l.by("two") > 0 && l.by("three") > 0
	})

	if err := servers["two"].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = servers["two"].Wait()
	others := l.by("one") + l.by("three")
	testkit.Eventually(t, "the others take over", func() bool {
		return l.by("one")+l.by("three") > others+callsPerSecond
	})

	before := l.by("two")
	again := start(t, "srv", "--server_id", "two")
	began := time.Now()
	testkit.Eventually(t, "the restarted server takes traffic", func() bool { return l.by("two") > before })
	t.Logf("the restarted server took traffic after %v", time.Since(began))

	l.end()
	if len(l.failed) > 0 {
		t.Errorf("%d calls failed, the first with: %v", len(l.failed), l.failed[0])
	}
	for _, p := range []*process{servers["one"], servers["three"], again} {
		stop(t, p)
	}
}
