package server_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// inTime runs a test with a server on memory implementations where time is
// simulated. What is held ends with the test.
func inTime(t *testing.T, test func(t *testing.T, s *timed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &timed{T: t, held: make(chan struct{})}
		defer close(s.held)
		test(t, s)
	})
}

type timed struct {
	*testing.T
	held chan struct{}
	log  testkit.Buffer
}

// hang does not return before the end of the test.
func (s *timed) hang() error {
	<-s.held
	return nil
}

func (s *timed) server(opts ...server.Option) server.Server {
	return server.NewServer(append([]server.Option{
		server.Name("test"), server.Id("1"), server.Address("127.0.0.1:0"),
		server.Transport(transport.NewMemoryTransport()),
		server.Registry(newFaultyRegistry()), server.RegisterTTL(0),
		server.Broker(broker.NewMemoryBroker()),
		server.WithLogger(logger.NewLogger(logger.WithOutput(&s.log))),
	}, opts...)...)
}

// stop stops a server and returns how long that took.
func (s *timed) stop(srv server.Server) (time.Duration, error) {
	began := time.Now()
	err := srv.Stop()
	return time.Since(began), err
}

// wantLog fails unless a line of the log has all parts.
func (s *timed) wantLog(parts ...string) {
	s.Helper()
	for line := range strings.Lines(s.log.String()) {
		found := true
		for _, p := range parts {
			found = found && strings.Contains(line, p)
		}
		if found {
			return
		}
	}
	s.Errorf("no line with %q in the log\n%s", parts, s.log.String())
}

// hangingRegistry does not return from some of its methods.
type hangingRegistry struct {
	registry.Registry
	register, draining, deregister func() error // nil does what the registry does
}

func (r hangingRegistry) Register(s *registry.Service, o ...registry.RegisterOption) error {
	if f := r.draining; f != nil && s.Nodes[0].Draining() {
		return f()
	}
	if r.register != nil {
		return r.register()
	}
	return r.Registry.Register(s, o...)
}

func (r hangingRegistry) Deregister(s *registry.Service, o ...registry.DeregisterOption) error {
	if r.deregister != nil {
		return r.deregister()
	}
	return r.Registry.Deregister(s, o...)
}

// hangingBroker does not return from some of its methods.
type hangingBroker struct {
	broker.Broker
	connect, disconnect, unsubscribe func() error
}

func (b hangingBroker) Connect() error {
	if b.connect != nil {
		return b.connect()
	}
	return b.Broker.Connect()
}

func (b hangingBroker) Disconnect() error {
	if b.disconnect != nil {
		return b.disconnect()
	}
	return b.Broker.Disconnect()
}

func (b hangingBroker) Subscribe(topic string, h broker.Handler, o ...broker.SubscribeOption) (broker.Subscriber, error) {
	s, err := b.Broker.Subscribe(topic, h, o...)
	return hangingSubscriber{s, b.unsubscribe}, err
}

type hangingSubscriber struct {
	broker.Subscriber
	unsubscribe func() error
}

func (s hangingSubscriber) Unsubscribe() error {
	if s.unsubscribe != nil {
		return s.unsubscribe()
	}
	return s.Subscriber.Unsubscribe()
}

// hangingTransport has listeners that do not return from Drain or Close.
type hangingTransport struct {
	transport.Transport
	drain, close func() error
}

func (tr hangingTransport) Listen(a string, o ...transport.ListenOption) (transport.Listener, error) {
	l, err := tr.Transport.Listen(a, o...)
	return hangingListener{l, tr}, err
}

type hangingListener struct {
	transport.Listener
	tr hangingTransport
}

func (l hangingListener) Drain() error {
	if l.tr.drain != nil {
		return l.tr.drain()
	}
	return nil
}

func (l hangingListener) Close() error {
	if l.tr.close != nil {
		go l.Listener.Close()
		return l.tr.close()
	}
	return l.Listener.Close()
}

func TestStopKeepsItsBudgetWhateverDoesNotReturn(t *testing.T) {
	for _, e := range []struct {
		name string
		log  string // what it says of the call that was given up
		err  string // what Stop returns
		opts func(hang func() error) []server.Option
	}{
		{"marking as draining", "Register of registry memory has not returned", "", func(hang func() error) []server.Option {
			return []server.Option{server.Registry(hangingRegistry{Registry: newFaultyRegistry(), draining: hang})}
		}},
		{"deregistering", "Deregister of registry memory has not returned", "", func(hang func() error) []server.Option {
			return []server.Option{server.Registry(hangingRegistry{Registry: newFaultyRegistry(), deregister: hang})}
		}},
		{"unsubscribing", "Unsubscribe from topic news has not returned", "", func(hang func() error) []server.Option {
			return []server.Option{server.Broker(hangingBroker{Broker: broker.NewMemoryBroker(), unsubscribe: hang})}
		}},
		{"disconnecting the broker", "Disconnect of broker memory has not returned", "given up", func(hang func() error) []server.Option {
			return []server.Option{server.Broker(hangingBroker{Broker: broker.NewMemoryBroker(), disconnect: hang})}
		}},
		{"taking leave of clients", "Drain of transport memory has not returned", "", func(hang func() error) []server.Option {
			return []server.Option{server.Transport(hangingTransport{transport.NewMemoryTransport(), hang, nil})}
		}},
		{"closing the listener", "Close of transport memory has not returned", "given up", func(hang func() error) []server.Option {
			return []server.Option{server.Transport(hangingTransport{transport.NewMemoryTransport(), nil, hang})}
		}},
		{"everything", "Deregister of registry memory has not returned", "given up", func(hang func() error) []server.Option {
			return []server.Option{
				server.Registry(hangingRegistry{Registry: newFaultyRegistry(), draining: hang, deregister: hang}),
				server.Broker(hangingBroker{Broker: broker.NewMemoryBroker(), unsubscribe: hang, disconnect: hang}),
				server.Transport(hangingTransport{transport.NewMemoryTransport(), hang, hang}),
			}
		}},
	} {
		for _, limit := range []struct {
			name   string
			option server.Option
			most   time.Duration
		}{
			{"default", server.DrainTimeout(0), 25 * time.Second},
			{"DrainTimeout 1s", server.DrainTimeout(time.Second), 25 * time.Second},
			{"StopTimeout 2s", server.StopTimeout(2 * time.Second), 2 * time.Second},
		} {
			t.Run(e.name+", "+limit.name, func(t *testing.T) {
				inTime(t, func(t *testing.T, s *timed) {
					srv := s.server(append(e.opts(s.hang), limit.option)...)
					subscribe(t, srv, "news", func(context.Context, *Text) error { return nil })
					start(t, srv)
					took, err := s.stop(srv)
					if took > limit.most+time.Second/2 {
						t.Errorf("Stop took %v", took)
					}
					if e.err == "" && err != nil || e.err != "" && (err == nil || !strings.Contains(err.Error(), e.err)) {
						t.Errorf("Stop returned %v, want one with %q", err, e.err)
					}
					s.wantLog("level=warn", e.log)
				})
			})
		}
	}
}

func TestStopGivesUpACheckAndARegistrationThatDoNotReturn(t *testing.T) {
	for name, option := range map[string]func(hang func() error) server.Option{
		"check": func(hang func() error) server.Option {
			return server.RegisterCheck(func(context.Context) error { return hang() })
		},
		"registration": func(hang func() error) server.Option {
			return server.Registry(hangingRegistry{Registry: newFaultyRegistry(), register: hang})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, s *timed) {
				srv := s.server(option(s.hang))
				started := make(chan error, 1)
				go func() { started <- srv.Start() }()
				synctest.Wait()
				took, err := s.stop(srv)
				if err != nil || took > 6*time.Second {
					t.Errorf("Stop took %v and returned %v", took, err)
				}
				if err := <-started; err != nil {
					t.Errorf("start: %v", err)
				}
				s.wantLog("has not returned")
			})
		})
	}
}

func TestStopDoesNotWaitForeverForAServerThatIsStarting(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		connected := make(chan struct{})
		tr := transport.NewMemoryTransport()
		srv := s.server(server.Transport(tr), server.Address("127.0.0.1:99"),
			server.Broker(hangingBroker{Broker: broker.NewMemoryBroker(), connect: func() error { <-connected; return nil }}))
		started := make(chan error, 1)
		go func() { started <- srv.Start() }()
		synctest.Wait()
		if took, err := s.stop(srv); err == nil || took > 25*time.Second {
			t.Errorf("Stop took %v and returned %v", took, err)
		}
		close(connected)
		if err := <-started; err == nil || !strings.Contains(err.Error(), "stopped while it was starting") {
			t.Errorf("Start returned %v", err)
		}
		l, err := tr.Listen("127.0.0.1:99")
		if err != nil {
			t.Fatalf("the server that did not start still listens: %v", err)
		}
		l.Close()
	})
}

func TestALongerDrainTimeoutExtendsTheBudget(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		srv := s.server(server.DrainTimeout(time.Minute))
		p, e := s.waiting(srv)
		time.AfterFunc(55*time.Second, func() { close(e.release) })
		if took, err := s.stop(srv); err != nil || took < 55*time.Second || took > 56*time.Second {
			t.Errorf("Stop took %v and returned %v", took, err)
		}
		p.wantBody(p.recv(), `{"text":"x"}`)
	})
}

func TestTheWaitingLeavesTimeForWhatComesAfterIt(t *testing.T) {
	for name, e := range map[string]struct {
		opts        []server.Option
		least, most time.Duration
	}{
		"default":                    {nil, 20 * time.Second, 25 * time.Second},
		"DrainTimeout":               {[]server.Option{server.DrainTimeout(time.Second)}, time.Second, 9 * time.Second},
		"StopTimeout":                {[]server.Option{server.StopTimeout(10 * time.Second)}, 8 * time.Second, 10 * time.Second},
		"StopTimeout over Wait":      {[]server.Option{server.Wait(nil), server.StopTimeout(10 * time.Second)}, 8 * time.Second, 10 * time.Second},
		"StopTimeout over a minute":  {[]server.Option{server.DrainTimeout(time.Minute), server.StopTimeout(10 * time.Second)}, 8 * time.Second, 10 * time.Second},
		"DrainTimeout is below zero": {[]server.Option{server.DrainTimeout(-1)}, 0, 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, s *timed) {
				srv := s.server(e.opts...)
				p, _ := s.waiting(srv) // by a handler that ignores its context
				took, err := s.stop(srv)
				if took < e.least || took > e.most {
					t.Errorf("Stop took %v, want %v to %v", took, e.least, e.most)
				}
				if err == nil || !strings.Contains(err.Error(), "1 handlers ignore") {
					t.Errorf("Stop returned %v", err)
				}
				want503(p, p.recv())
			})
		})
	}
}

func TestWaitWithoutALimitStillBoundsTheRest(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		srv := s.server(server.Wait(nil), server.Broker(hangingBroker{Broker: broker.NewMemoryBroker(), disconnect: s.hang}))
		p, e := s.waiting(srv)
		time.AfterFunc(time.Hour, func() { close(e.release) })
		took, err := s.stop(srv)
		if took < time.Hour || took > time.Hour+26*time.Second || err == nil {
			t.Errorf("Stop took %v and returned %v", took, err)
		}
		p.wantBody(p.recv(), `{"text":"x"}`)
	})
}

// waiting starts a server whose handler has one request, and waits.
func (s *timed) waiting(srv server.Server) (*peer, *Echo) {
	s.Helper()
	e := newEcho()
	e.release = make(chan struct{})
	handle(s, srv, e)
	start(s, srv)
	p := dial(s, srv)
	p.send(jsonHeader("Echo.Wait", "1"), `{"text":"x"}`)
	<-e.entered
	go func() {
		<-s.held
		select {
		case <-e.release:
		default:
			close(e.release)
		}
	}()
	return p, e
}

// want503 fails unless a message says that its server stopped.
func want503(p *peer, m transport.Message) {
	p.Helper()
	if e := microerrors.Parse(value(m, "Micro-Error")); e.Code != 503 || e.Id != "go.micro.server" || !strings.Contains(e.Detail, "test-1") {
		p.Errorf("the caller got %v, want code 503 and the name of the node", m.Header)
	}
}

func TestWhatIsCutOffIsTold(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		srv := s.server(server.DrainTimeout(3 * time.Second))
		causes := make(chan error, 2)
		handle(t, srv, newStreams(func(ctx context.Context, st server.Stream) error {
			_ = st.Send(&Text{"busy"})
			var m Text
			_ = st.Recv(&m)
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		}))
		e := newEcho()
		handle(t, srv, e)
		start(t, srv)
		p := dial(t, srv)
		p.send(jsonHeader("Echo.WaitDone", "1"), `{}`)
		<-e.entered
		q := dial(t, srv)
		q.send(streamHeader("Streams.Do", "2"), "")
		q.send(streamHeader("Streams.Do", "2"), `{"text":"more"}`)
		if m := q.recv(); value(m, "Micro-Error") != "" {
			t.Fatalf("the stream failed: %v", m.Header)
		}
		synctest.Wait()
		began := time.Now()
		if _, err := s.stop(srv); err != nil {
			t.Errorf("stop: %v", err)
		}
		if d := time.Since(began); d < 3*time.Second || d > 4*time.Second {
			t.Errorf("Stop took %v", d)
		}
		want503(p, p.recv())
		want503(q, q.recv())
		p.closedByServer()
		q.closedByServer()
		if err := <-e.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the handler saw %v", err)
		}
		cause := <-causes
		if got, ok := microerrors.As(cause); !errors.Is(cause, server.ErrStopped) || !ok || got.Code != 503 {
			t.Errorf("the cause is %v", cause)
		}
		s.wantLog("level=info", "Waiting for up to", "2 requests in flight")
		s.wantLog("level=warn", "cutting 2 requests")
	})
}

func TestSubscribersThatAreCutOffHaveACause(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		srv := s.server(server.DrainTimeout(-1))
		entered, cause := make(chan struct{}), make(chan error, 1)
		subscribe(t, srv, "news", func(ctx context.Context, _ *Text) error {
			close(entered)
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return nil
		})
		start(t, srv)
		go func() { _ = publish(srv, "news", eventMessage("news", `{}`)) }()
		<-entered
		if _, err := s.stop(srv); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := <-cause; !errors.Is(err, server.ErrStopped) {
			t.Errorf("the cause is %v", err)
		}
	})
}

func TestTheCauseReachesContextsDerivedFromARequest(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		srv := s.server(server.DrainTimeout(-1))
		entered, cause := make(chan struct{}), make(chan error, 1)
		e := newStreams(func(ctx context.Context, _ server.Stream) error {
			type key struct{}
			derived, cancel := context.WithTimeout(context.WithValue(ctx, key{}, 1), time.Hour)
			defer cancel()
			close(entered)
			<-derived.Done()
			cause <- context.Cause(derived)
			return nil
		})
		handle(t, srv, e)
		start(t, srv)
		dial(t, srv).send(streamHeader("Streams.Do", "1"), "")
		<-entered
		if _, err := s.stop(srv); err != nil {
			t.Errorf("stop: %v", err)
		}
		if err := <-cause; !errors.Is(err, server.ErrStopped) {
			t.Errorf("the cause is %v", err)
		}
	})
}

func TestShutdownStopsWaitingWhenItsContextEnds(t *testing.T) {
	for _, other := range []bool{false, true} { // also a Stop that is under way
		inTime(t, func(t *testing.T, s *timed) {
			srv := s.server(server.DrainTimeout(time.Hour))
			e := newEcho()
			handle(t, srv, e)
			start(t, srv)
			p := dial(t, srv)
			p.send(jsonHeader("Echo.WaitDone", "1"), `{}`)
			<-e.entered
			began := time.Now()
			stopped := make(chan error, 1)
			if other {
				go func() { stopped <- srv.Stop() }()
				synctest.Wait()
			} else {
				close(stopped)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			if err := srv.(server.Shutdowner).Shutdown(ctx); err != nil {
				t.Errorf("shutdown: %v", err)
			}
			if err := <-stopped; err != nil {
				t.Errorf("stop: %v", err)
			}
			if d := time.Since(began); d < 2*time.Second || d > 3*time.Second {
				t.Errorf("it took %v", d)
			}
			want503(p, p.recv())
		})
	}
}

func TestIdleStreamsOfADrainingServerEndAfterFiveSeconds(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		srv := s.server()
		handle(t, srv, newStreams(func(_ context.Context, st server.Stream) error {
			for {
				var m Text
				if err := st.Recv(&m); err != nil {
					return err
				}
				if m.Text == "work" {
					time.Sleep(12 * time.Second)
				}
				if err := st.Send(&m); err != nil {
					return err
				}
			}
		}))
		start(t, srv)
		idle, busy, working := dial(t, srv), dial(t, srv), dial(t, srv)
		for _, p := range []*peer{idle, busy, working} {
			p.send(streamHeader("Streams.Do", "1"), "")
			p.send(streamHeader("Streams.Do", "1"), `{"text":"hello"}`)
			p.wantBody(p.recv(), `{"text":"hello"}`)
		}
		working.send(streamHeader("Streams.Do", "1"), `{"text":"work"}`)
		synctest.Wait()
		began := time.Now()
		after := func() time.Duration { return time.Since(began).Round(100 * time.Millisecond) }
		go func() { _ = srv.Stop() }()
		for range 4 { // eight seconds
			time.Sleep(2 * time.Second)
			busy.send(streamHeader("Streams.Do", "1"), `{"text":"on"}`)
			busy.wantBody(busy.recv(), `{"text":"on"}`)
			if n := len(idle.in); n > 0 != (after() >= 6*time.Second) {
				t.Errorf("after %v the idle stream has %d messages", after(), n)
			}
		}
		want503(idle, idle.recv())
		want503(busy, busy.recv())
		if d := after(); d < 13*time.Second || d > 14*time.Second+time.Second/2 {
			t.Errorf("a stream that was busy for eight seconds ended after %v", d)
		}
		working.wantBody(working.recv(), `{"text":"work"}`)
		want503(working, working.recv())
		s.wantLog("ended 1 idle streams")
		if err := srv.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
}

func TestHandlersCanAskWhetherTheServerIsDraining(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		srv := s.server()
		asked := make(chan bool, 2)
		ask := make(chan struct{})
		handle(t, srv, newStreams(func(ctx context.Context, _ server.Stream) error {
			type key struct{}
			for range 2 {
				<-ask
				asked <- server.Draining(context.WithValue(ctx, key{}, 1))
			}
			return nil
		}))
		start(t, srv)
		dial(t, srv).send(streamHeader("Streams.Do", "1"), "")
		ask <- struct{}{}
		if <-asked {
			t.Error("a running server is said to be draining")
		}
		stopped := make(chan error, 1)
		go func() { stopped <- srv.Stop() }()
		synctest.Wait()
		ask <- struct{}{}
		if !<-asked {
			t.Error("a server that is being stopped is not said to be draining")
		}
		if err := <-stopped; err != nil {
			t.Errorf("stop: %v", err)
		}
		if server.Draining(context.Background()) {
			t.Error("a context without a server is said to be of one that is draining")
		}
	})
}

func TestClientsAreToldBeforeTheRegistry(t *testing.T) {
	inTime(t, func(t *testing.T, s *timed) {
		ev := &events{}
		tr := hangingTransport{Transport: transport.NewMemoryTransport(), drain: func() error { ev.add("go away"); return nil }}
		srv := s.server(
			server.Transport(tr),
			server.Registry(recordedRegistry{newFaultyRegistry(), ev}),
			server.Broker(recordedBroker{broker.NewMemoryBroker(), ev}))
		start(t, srv)
		if _, err := s.stop(srv); err != nil {
			t.Errorf("stop: %v", err)
		}
		if got := strings.Join(ev.list, ", "); got != "register, go away, draining, deregister, disconnect" {
			t.Errorf("the order is %s", got)
		}
	})
}
