package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func TestStartAndStopMayBeRepeated(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		testkit.NoLeaks(t)
		s := newServer(t, opt)
		handle(t, s, newEcho())
		if err := s.Stop(); err != nil {
			t.Errorf("stop before start: %v", err)
		}
		for range 3 {
			start(t, s)
			start(t, s)
			p := dial(t, s)
			p.wantBody(p.call(jsonHeader("Echo.Call", "1"), `{"text":"x"}`), `{"text":"x"}`)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if err := s.Stop(); err != nil {
						t.Errorf("stop: %v", err)
					}
				})
			}
			wg.Wait()
			p.closedByServer()
			if a := s.Options().Address; a != "127.0.0.1:0" {
				t.Errorf("the address is %s after Stop", a)
			}
			if got, _ := s.Options().Registry.GetService("test"); len(got) != 0 {
				t.Errorf("registered after Stop: %v", got)
			}
		}
	})
}

func TestStopWaitsForRequestsInFlight(t *testing.T) {
	t.Parallel()
	onTransports(t, func(t *testing.T, opt server.Option) {
		e := newEcho()
		p := serve(t, e, opt)
		p.send(jsonHeader("Echo.Wait", "1"), `{"text":"in flight"}`)
		<-e.entered
		stopped := make(chan error, 1)
		go func() { stopped <- p.server.Stop() }()
		testkit.Eventually(t, "the service is deregistered", func() bool {
			got, _ := p.server.Options().Registry.GetService("test")
			return len(got) == 0
		})
		// A client that has not heard yet is still served on its connection.
		p.wantBody(p.call(jsonHeader("Echo.Call", "2"), `{"text":"late"}`), `{"text":"late"}`)
		close(e.release)
		p.wantBody(p.recv(), `{"text":"in flight"}`)
		if err := <-stopped; err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func TestStopCancelsWhatExceedsTheDrainTimeout(t *testing.T) {
	t.Parallel()
	onTransports(t, func(t *testing.T, opt server.Option) {
		e := newEcho()
		p := serve(t, e, opt, server.DrainTimeout(time.Millisecond))
		p.send(jsonHeader("Echo.WaitDone", "1"), `{}`)
		<-e.entered
		if err := p.server.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := <-e.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler saw %v", err)
		}
	})
}

func TestStopCancelsStreams(t *testing.T) {
	got := make(chan error, 1)
	p := serve(t, newStreams(func(_ context.Context, s server.Stream) error {
		got <- s.Recv(new(Text))
		return nil
	}), server.DrainTimeout(-1))
	p.send(streamHeader("Streams.Do", "1"), "")
	p.call(jsonHeader("Streams.Call", "2"), `{}`) // the stream was opened before
	if err := p.server.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if err := <-got; err == nil {
		t.Error("Recv returned nil")
	}
}

func TestWaitIsHonouredViaInit(t *testing.T) {
	var wg sync.WaitGroup
	e := newEcho()
	s := newServer(t)
	if err := s.Init(server.Wait(&wg)); err != nil {
		t.Fatal(err)
	}
	handle(t, s, e)
	start(t, s)
	p := dial(t, s)
	p.send(jsonHeader("Echo.Wait", "1"), `{}`)
	<-e.entered
	waited := make(chan struct{})
	go func() { wg.Wait(); close(waited) }()
	select {
	case <-waited:
		t.Error("the request does not count in the wait group")
	default:
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop() }()
	close(e.release)
	p.recv()
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	<-waited
}

func TestStopWaitsForTheCallersWaitGroup(t *testing.T) {
	var wg sync.WaitGroup
	s := newServer(t, server.Wait(&wg))
	start(t, s)
	wg.Add(1)
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop() }()
	testkit.Eventually(t, "the service is deregistered", func() bool {
		got, _ := s.Options().Registry.GetService("test")
		return len(got) == 0
	})
	select {
	case <-stopped:
		t.Error("Stop did not wait")
	default:
	}
	wg.Done()
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
}

// brokenBroker cannot be connected.
type brokenBroker struct{ broker.Broker }

func (brokenBroker) Connect() error { return errors.New("no broker") }

func TestFailedBrokerConnectClosesTheListener(t *testing.T) {
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	s := newServer(t, server.Address(address),
		server.Transport(transport.NewHTTPTransport()),
		server.Broker(brokenBroker{broker.NewMemoryBroker()}))
	if err := s.Start(); err == nil || !strings.Contains(err.Error(), "no broker") {
		t.Fatalf("start: %v", err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the address is still in use: %v", err)
	}
	l.Close()
	if got, _ := s.Options().Registry.GetService("test"); len(got) != 0 {
		t.Error("the service is registered")
	}
	if err := s.Init(server.Broker(broker.NewMemoryBroker())); err != nil {
		t.Fatal(err)
	}
	start(t, s)
}

func TestFailedListenIsReturned(t *testing.T) {
	s := newServer(t, server.Address("127.0.0.1:notaport"), server.Transport(transport.NewHTTPTransport()))
	if err := s.Start(); err == nil {
		t.Fatal("no error")
	}
}

// events records what happens to a broker and a registry, in order.
type events struct {
	mu   sync.Mutex
	list []string
}

func (e *events) add(s string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, s)
}

type recordedBroker struct {
	broker.Broker
	*events
}

func (b recordedBroker) Disconnect() error { b.add("disconnect"); return b.Broker.Disconnect() }

type recordedRegistry struct {
	registry.Registry
	*events
}

func (r recordedRegistry) Register(s *registry.Service, o ...registry.RegisterOption) error {
	if s.Nodes[0].Draining() {
		r.add("draining")
	} else {
		r.add("register")
	}
	return r.Registry.Register(s, o...)
}

func (r recordedRegistry) Deregister(s *registry.Service, o ...registry.DeregisterOption) error {
	r.add("deregister")
	return r.Registry.Deregister(s, o...)
}

func TestStopSaysDrainingDeregistersWaitsAndDisconnects(t *testing.T) {
	ev := &events{}
	e := newEcho()
	p := serve(t, e,
		server.Broker(recordedBroker{broker.NewMemoryBroker(), ev}),
		server.Registry(recordedRegistry{registry.NewMemoryRegistry(), ev}),
		server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
			return func(ctx context.Context, req server.Request, rsp any) error {
				defer ev.add("handled")
				return next(ctx, req, rsp)
			}
		}))
	p.send(jsonHeader("Echo.Wait", "1"), `{}`)
	<-e.entered
	stopped := make(chan error, 1)
	go func() { stopped <- p.server.Stop() }()
	testkit.Eventually(t, "the service is deregistered", func() bool {
		ev.mu.Lock()
		defer ev.mu.Unlock()
		return len(ev.list) == 3
	})
	close(e.release)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(ev.list); got != "[register draining deregister handled disconnect]" {
		t.Errorf("order %s", got)
	}
}

func TestHandlersAddedWhileRunningTakeEffect(t *testing.T) {
	s := newServer(t)
	start(t, s)
	p := dial(t, s)
	p.wantError(p.call(jsonHeader("Echo.Call", "1"), `{}`), "can't find service Echo")
	handle(t, s, newEcho())
	p.wantBody(p.call(jsonHeader("Echo.Call", "2"), `{"text":"x"}`), `{"text":"x"}`)
	testkit.Eventually(t, "the registry lists the endpoints", func() bool {
		got, _ := s.Options().Registry.GetService("test")
		return len(got) == 1 && len(got[0].Endpoints) > 0
	})
}

func TestRunStopsAtASignal(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there are no signals to send on Windows")
	}
	old := server.DefaultServer
	defer func() { server.DefaultServer = old }()
	s := newServer(t)
	server.DefaultServer = s
	done := make(chan error, 1)
	go func() { done <- server.Run() }()
	testkit.Eventually(t, "the server runs", func() bool {
		got, _ := s.Options().Registry.GetService("test")
		return len(got) == 1
	})
	if err := testkit.Terminate(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	if got, _ := s.Options().Registry.GetService("test"); len(got) != 0 {
		t.Error("the service is still registered")
	}
}

// Under a load of callers that keep their connections, stopping fails no call
// that was in flight or arrived while the server drained.
func TestStopUnderLoadFailsNoCall(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, newEcho())
	start(t, s)
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for i := range 8 {
		p := dial(t, s)
		wg.Go(func() {
			for {
				// Callers pause once they know of the deregistration.
				if got, _ := s.Options().Registry.GetService("test"); len(got) == 0 {
					return
				}
				body := fmt.Sprintf(`{"text":"%d"}`, i)
				err := p.conn.Send(&transport.Message{Header: jsonHeader("Echo.Call", "1"), Body: []byte(body)})
				if errors.Is(err, transport.ErrNotSent) {
					return // it was told to go elsewhere before it looked
				}
				if err != nil {
					t.Errorf("send: %v", err)
					return
				}
				if m, ok := <-p.in; !ok || strings.TrimSpace(string(m.Body)) != body {
					t.Errorf("call failed: %v %q", m.Header, m.Body)
					return
				}
				select {
				case stop <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 100 {
		<-stop
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	wg.Wait()
}

func TestFunctionsOfThePackageUseTheDefaultServer(t *testing.T) {
	old := server.DefaultServer
	defer func() { server.DefaultServer = old }()
	s := newServer(t)
	server.DefaultServer = s
	server.Init(server.Version("7"))
	if err := server.Handle(server.NewHandler(newEcho())); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	err := server.Subscribe(server.NewSubscriber("news", func(_ context.Context, m *Text) error {
		got <- m.Text
		return nil
	}, server.SubscriberContext(context.Background())))
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	p := dial(t, s)
	p.wantBody(p.call(jsonHeader("Echo.Call", "1"), `{"text":"x"}`), `{"text":"x"}`)
	if err := publish(s, "news", eventMessage("news", `{"text":"y"}`)); err != nil || <-got != "y" {
		t.Errorf("publish: %v", err)
	}
	if v := registered(t, s).Version; v != "7" {
		t.Errorf("version %s", v)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
}

func TestHandlerThatIgnoresItsContextDoesNotHoldStopForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEcho()
		s := server.NewServer(server.Name("test"), server.Address("127.0.0.1:0"),
			server.Transport(transport.NewMemoryTransport()), server.Registry(newFaultyRegistry()),
			server.RegisterTTL(0), server.Broker(broker.NewMemoryBroker()),
			server.WithLogger(quiet()), server.DrainTimeout(-1))
		handle(t, s, e)
		start(t, s)
		p := dial(t, s)
		p.send(jsonHeader("Echo.Wait", "1"), `{}`)
		<-e.entered
		err := s.Stop()
		close(e.release)
		if err == nil || !strings.Contains(err.Error(), "1 handlers ignore that their context was cancelled") {
			t.Errorf("stop: %v", err)
		}
	})
}
