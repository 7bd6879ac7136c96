package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func registered(t testing.TB, s server.Server) *registry.Service {
	t.Helper()
	got, err := s.Options().Registry.GetService(s.Options().Name)
	if err != nil || len(got) != 1 {
		t.Fatalf("registered: %v, %v", got, err)
	}
	return got[0]
}

func TestANodeIsRegisteredWithTheMetadataOfV4(t *testing.T) {
	s := newServer(t, server.Id("1"), server.Version("3"), server.Metadata(map[string]string{"foo": "bar", "protocol": "own"}))
	handle(t, s, newEcho())
	start(t, s)
	got := registered(t, s)
	node := got.Nodes[0]
	if got.Version != "3" || node.Id != "test-1" || node.Address != s.Options().Address {
		t.Errorf("service %+v, node %+v", got, node)
	}
	want := map[string]string{"foo": "bar", "transport": "memory", "broker": "memory", "server": "mucp", "registry": "memory", "protocol": "mucp"}
	if fmt.Sprint(node.Metadata) != fmt.Sprint(want) {
		t.Errorf("metadata %v, want %v", node.Metadata, want)
	}
}

func TestAnAdvertisedAddressIsRegisteredWithAPort(t *testing.T) {
	for advertise, want := range map[string]string{
		"10.1.2.3:99":     "10.1.2.3:99",
		"example.com:99":  "example.com:99",
		"[2001:db8::1]:9": "[2001:db8::1]:9",
		"127.0.0.1":       "127.0.0.1:PORT",
		"127.0.0.1:":      "127.0.0.1:PORT",
		"127.0.0.1:0":     "127.0.0.1:PORT",
		"example.com":     "example.com:PORT",
		"2001:db8::1":     "[2001:db8::1]:PORT",
		"[2001:db8::1]":   "[2001:db8::1]:PORT",
	} {
		s := newServer(t, server.Advertise(advertise))
		start(t, s)
		_, port, err := net.SplitHostPort(s.Options().Address)
		if err != nil {
			t.Fatal(err)
		}
		want = strings.Replace(want, "PORT", port, 1)
		if got := registered(t, s).Nodes[0].Address; got != want {
			t.Errorf("advertise %q: %q, want %q", advertise, got, want)
		}
	}
}

func TestWildcardHostBecomesALocalAddress(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0"} {
		s := newServer(t, server.Address(address), server.Transport(transport.NewHTTPTransport()))
		start(t, s)
		host, port, err := net.SplitHostPort(registered(t, s).Nodes[0].Address)
		if ip := net.ParseIP(host); err != nil || ip == nil || ip.IsUnspecified() || port == "0" {
			t.Errorf("%s was registered as %s:%s", address, host, port)
		}
	}
}

func TestComputedAddressIsNotKeptInAdvertise(t *testing.T) {
	s := newServer(t)
	start(t, s)
	if a := s.Options().Advertise; a != "" {
		t.Errorf("advertise is %q", a)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	if got := registered(t, s).Nodes[0].Address; got != s.Options().Address {
		t.Errorf("registered %s after a restart on %s", got, s.Options().Address)
	}
}

func TestEndpointsAreRegisteredUnlessTheyAreInternal(t *testing.T) {
	s := newServer(t)
	handle(t, s, newEcho(), new(Raw))
	if err := s.Handle(s.NewHandler(new(Odd), server.InternalHandler(true))); err != nil {
		t.Fatal(err)
	}
	subscribe(t, s, "a", func(context.Context, *Text) error { return nil })
	subscribe(t, s, "b", &Notes{})
	subscribe(t, s, "c", &Notes{}, server.InternalSubscriber(true))
	start(t, s)
	var names []string
	for _, e := range registered(t, s).Endpoints {
		names = append(names, e.Name)
	}
	want := "Echo.Call Echo.Fail Echo.Hold Echo.Panic Echo.Stream Echo.Value Echo.Wait Echo.WaitDone Raw.Turn Notes.First Notes.Second Func"
	if got := strings.Join(names, " "); got != want {
		t.Errorf("endpoints %s, want %s", got, want)
	}
}

// faultyRegistry fails while told to, and counts.
type faultyRegistry struct {
	registry.Registry
	fail  atomic.Bool
	tries atomic.Int64
}

func (r *faultyRegistry) Register(s *registry.Service, o ...registry.RegisterOption) error {
	r.tries.Add(1)
	if r.fail.Load() {
		return errors.New("registry down")
	}
	return r.Registry.Register(s, o...)
}

func newFaultyRegistry() *faultyRegistry {
	return &faultyRegistry{Registry: registry.NewMemoryRegistry()}
}

func (r *faultyRegistry) has(name string) bool {
	got, _ := r.GetService(name)
	return len(got) > 0
}

// stillTransport listens on nothing, so that it can be used where time stands.
type stillTransport struct{ transport.Transport }

func (stillTransport) Listen(string, ...transport.ListenOption) (transport.Listener, error) {
	return stillListener{make(chan struct{})}, nil
}

type stillListener struct{ closed chan struct{} }

func (l stillListener) Addr() string                        { return "127.0.0.1:1234" }
func (l stillListener) Close() error                        { close(l.closed); return nil }
func (l stillListener) Accept(func(transport.Socket)) error { <-l.closed; return nil }

// inBubble runs a test where time is simulated.
func inBubble(t *testing.T, test func(t *testing.T, reg *faultyRegistry, newServer func(...server.Option) server.Server)) {
	synctest.Test(t, func(t *testing.T) {
		reg := newFaultyRegistry()
		test(t, reg, func(opts ...server.Option) server.Server {
			s := server.NewServer(append([]server.Option{
				server.Name("test"), server.Registry(reg), server.Broker(broker.NewMemoryBroker()),
				server.Transport(stillTransport{transport.NewMemoryTransport()}),
				server.RegisterTTL(0), server.WithLogger(quiet()),
			}, opts...)...)
			t.Cleanup(func() {
				if err := s.Stop(); err != nil {
					t.Errorf("stop: %v", err)
				}
			})
			return s
		})
	})
}

func TestRegistrationIsTriedThreeTimesWithoutASleepAfterTheLast(t *testing.T) {
	inBubble(t, func(t *testing.T, reg *faultyRegistry, newServer func(...server.Option) server.Server) {
		reg.fail.Store(true)
		s := newServer()
		began := time.Now()
		start(t, s)
		// Backoff: 100ms after the first try, about 658ms after the second.
		if d := time.Since(began); reg.tries.Load() != 3 || d < 700*time.Millisecond || d > 800*time.Millisecond {
			t.Errorf("%d tries in %v", reg.tries.Load(), d)
		}
		reg.fail.Store(false)
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if !reg.has("test") {
			t.Error("the next interval did not register the service")
		}
	})
}

func TestARegistrationIsRenewedAtItsInterval(t *testing.T) {
	for interval, want := range map[time.Duration]int64{10 * time.Second: 7, 0: 1} {
		inBubble(t, func(t *testing.T, reg *faultyRegistry, newServer func(...server.Option) server.Server) {
			s := newServer(server.RegisterInterval(interval))
			start(t, s)
			time.Sleep(65 * time.Second)
			synctest.Wait()
			if n := reg.tries.Load(); n != want {
				t.Errorf("interval %v: registered %d times, want %d", interval, n, want)
			}
		})
	}
}

func TestFailingCheckDeregistersUntilItPasses(t *testing.T) {
	inBubble(t, func(t *testing.T, reg *faultyRegistry, newServer func(...server.Option) server.Server) {
		var unfit atomic.Bool
		s := newServer(server.RegisterCheck(func(ctx context.Context) error {
			if ctx == nil {
				t.Error("the check got a nil context")
			}
			if unfit.Load() {
				return errors.New("unfit")
			}
			return nil
		}))
		got := make(chan struct{}, 10)
		subscribe(t, s, "news", func(context.Context, *Text) error {
			got <- struct{}{}
			return nil
		})
		start(t, s)
		step := func(fails, want bool) {
			t.Helper()
			unfit.Store(fails)
			time.Sleep(31 * time.Second)
			synctest.Wait()
			if reg.has("test") != want {
				t.Errorf("registered is %v, want %v", !want, want)
			}
			if err := publish(s, "news", eventMessage("news", `{}`)); err != nil {
				t.Error(err)
			}
			if received := len(got) > 0; received != want {
				t.Errorf("subscribed is %v, want %v", received, want)
			}
			for len(got) > 0 {
				<-got
			}
		}
		step(false, true)
		step(true, false)
		step(true, false)
		step(false, true)
	})
}

func TestFailingCheckAtStartIsRepeated(t *testing.T) {
	inBubble(t, func(t *testing.T, reg *faultyRegistry, newServer func(...server.Option) server.Server) {
		var checks atomic.Int64
		s := newServer(server.RegisterCheck(func(context.Context) error {
			if checks.Add(1) == 1 {
				return errors.New("not ready")
			}
			return nil
		}))
		start(t, s)
		if reg.has("test") {
			t.Error("registered although the check failed")
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if !reg.has("test") {
			t.Error("not registered although the check passed")
		}
	})
}

func TestStopEndsARegistrationThatIsBeingTried(t *testing.T) {
	inBubble(t, func(t *testing.T, reg *faultyRegistry, newServer func(...server.Option) server.Server) {
		reg.fail.Store(true)
		s := newServer()
		started := make(chan error, 1)
		began := time.Now()
		go func() { started <- s.Start() }()
		time.Sleep(50 * time.Millisecond)
		if err := s.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := <-started; err != nil {
			t.Errorf("start: %v", err)
		}
		if d := time.Since(began); d > 60*time.Millisecond {
			t.Errorf("Stop took %v", d)
		}
	})
}

func TestInitChangesWhatIsRegistered(t *testing.T) {
	inBubble(t, func(t *testing.T, reg *faultyRegistry, newServer func(...server.Option) server.Server) {
		s := newServer()
		start(t, s)
		if err := s.Init(server.Name("renamed"), server.Metadata(map[string]string{"a": "b"})); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if reg.has("test") || !reg.has("renamed") || registered(t, s).Nodes[0].Metadata["a"] != "b" {
			t.Error("the registry has the former service")
		}
	})
}
