package microtest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	merrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/microtest"
	"github.com/justcy/go-micro/v4/server"
)

func TestMain(m *testing.M) { testkit.Main(m) }

type Request struct{ Name string }
type Response struct{ Text string }

// Greeter greets, and tells the headers that it got.
type Greeter struct {
	text    string
	calls   atomic.Int64
	headers func(metadata.Metadata)
}

func (g *Greeter) Hello(ctx context.Context, req *Request, rsp *Response) error {
	g.calls.Add(1)
	if g.headers != nil {
		md, _ := metadata.FromContext(ctx)
		g.headers(md)
	}
	rsp.Text = g.text + req.Name
	return nil
}

// Count sends numbers until the client has heard enough.
func (g *Greeter) Count(_ context.Context, stream server.Stream) error {
	for i := 0; ; i++ {
		if err := stream.Send(&Response{fmt.Sprint(i)}); err != nil {
			return err
		}
		if err := stream.Recv(new(Request)); err != nil {
			return nil
		}
	}
}

// Relay calls the greeter.
type Relay struct{ client client.Client }

func (r *Relay) Hello(ctx context.Context, req *Request, rsp *Response) error {
	return r.client.Call(ctx, r.client.NewRequest("greeter", "Greeter.Hello", req), rsp)
}

func quiet() microtest.Option {
	return microtest.Logger(logger.NewLogger(logger.WithOutput(io.Discard), logger.WithLevel(logger.FatalLevel)))
}

// hello calls Hello of a service in JSON.
func hello(ctx context.Context, c client.Client, service, endpoint string, opts ...client.CallOption) (string, error) {
	rsp := new(Response)
	req := c.NewRequest(service, endpoint, &Request{"you"}, client.WithContentType("application/json"))
	err := c.Call(ctx, req, rsp, opts...)
	return rsp.Text, err
}

// inBubble runs a test in a bubble, where seconds pass at once.
func inBubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func TestServicesOfANetworkCallEachOther(t *testing.T) {
	net := microtest.New(t)
	net.Run("greeter", &Greeter{text: "hello ", headers: func(md metadata.Metadata) {
		for name := range md {
			if strings.HasPrefix(name, "Microtest") {
				t.Errorf("the handler sees the header %s", name)
			}
		}
	}})
	relay := net.Service("relay")
	if err := micro.RegisterHandler(relay.Server(), &Relay{relay.Client()}); err != nil {
		t.Fatal(err)
	}
	net.Start(relay)
	if err := relay.Client().Init(client.ContentType("application/json")); err != nil {
		t.Fatal(err)
	}
	text, err := hello(t.Context(), net.Client("shop"), "relay", "Relay.Hello")
	if err != nil || text != "hello you" {
		t.Errorf("%q, %v", text, err)
	}
}

// startFifty starts fifty services, and returns their names.
func startFifty(t testing.TB, net *microtest.Network) (names []string) {
	t.Helper()
	var services []micro.Service
	for i := range 50 {
		s := net.Service(fmt.Sprintf("greeter-%d", i))
		if err := micro.RegisterHandler(s.Server(), &Greeter{text: s.Name() + " "}); err != nil {
			t.Fatal(err)
		}
		services, names = append(services, s), append(names, s.Name())
	}
	net.Start(services...)
	return names
}

// A bubble's time passes while everybody waits: what starts in none of it takes as
// long as its work. BenchmarkFiftyServices tells how long that is.
func TestFiftyServicesStartAndStopWithoutWaiting(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var began time.Time
		t.Cleanup(func() { // after that of the network
			if took := time.Since(began); took > time.Second {
				t.Errorf("they were stopped in %v", took)
			}
		})
		net := microtest.New(t, quiet())
		began = time.Now()
		names := startFifty(t, net)
		if took := time.Since(began); took > 0 {
			t.Errorf("they were started in %v", took)
		}
		c := net.Client("shop")
		for _, name := range names {
			text, err := hello(t.Context(), c, name, "Greeter.Hello")
			if err != nil || text != name+" you" {
				t.Errorf("%s: %q, %v", name, text, err)
			}
		}
		began = time.Now()
	})
}

func TestWhatWasStartedLastIsStoppedFirst(t *testing.T) {
	var stopped []string
	t.Run("network", func(t *testing.T) {
		net := microtest.New(t, quiet())
		for _, name := range []string{"mailer", "orders"} {
			net.Start(net.Service(name, micro.AfterStop(func() error { stopped = append(stopped, name); return nil })))
		}
	})
	if fmt.Sprint(stopped) != "[orders mailer]" {
		t.Errorf("stopped %v", stopped)
	}
}

func TestACutLinkRefusesAndAHealedOneCarries(t *testing.T) {
	net := microtest.New(t, quiet())
	net.Run("greeter", &Greeter{})
	shop, office := net.Client("shop", client.Retries(0)), net.Client("office")
	if _, err := hello(t.Context(), shop, "greeter", "Greeter.Hello"); err != nil {
		t.Fatal(err)
	}
	link := net.Link("greeter", "shop")
	link.Cut()
	if _, err := hello(t.Context(), shop, "greeter", "Greeter.Hello"); err == nil {
		t.Error("a call crossed the cut")
	}
	if _, err := hello(t.Context(), office, "greeter", "Greeter.Hello"); err != nil {
		t.Errorf("another link: %v", err)
	}
	link.Heal()
	testkit.Eventually(t, "the node is called again", func() bool {
		_, err := hello(t.Context(), shop, "greeter", "Greeter.Hello")
		return err == nil
	})
}

func TestACutEndsAStream(t *testing.T) {
	net := microtest.New(t, quiet())
	net.Run("greeter", &Greeter{})
	c := net.Client("shop")
	stream, err := c.Stream(t.Context(), c.NewRequest("greeter", "Greeter.Count", &Request{}, client.WithContentType("application/json")))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for range 3 {
		if err := errors.Join(stream.Recv(new(Response)), stream.Send(&Request{})); err != nil {
			t.Fatal(err)
		}
	}
	net.Link("shop", "greeter").Cut()
	testkit.Eventually(t, "the stream ends", func() bool { return stream.Recv(new(Response)) != nil })
}

func TestASilentLinkKeepsCallsUntilTheirTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		net := microtest.New(t, quiet())
		greeter := new(Greeter)
		net.Run("greeter", greeter)
		c := net.Client("shop", client.Retries(0))
		link := net.Link("shop", "greeter")
		link.Silence()
		began := time.Now()
		_, err := hello(t.Context(), c, "greeter", "Greeter.Hello", client.WithRequestTimeout(3*time.Second), client.WithDialTimeout(time.Minute))
		if e := merrors.FromError(err); err == nil || e.Code != 408 || time.Since(began) < 3*time.Second || greeter.calls.Load() != 0 {
			t.Errorf("after %v: %v, %d calls", time.Since(began), err, greeter.calls.Load())
		}
		link.Heal()
		time.Sleep(time.Minute)
		if _, err := hello(t.Context(), c, "greeter", "Greeter.Hello"); err != nil {
			t.Errorf("when it is healed: %v", err)
		}
	})
}

func TestALinkTakesItsTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		net := microtest.New(t, quiet())
		net.Run("greeter", new(Greeter))
		c := net.Client("shop")
		if _, err := hello(t.Context(), c, "greeter", "Greeter.Hello"); err != nil {
			t.Fatal(err)
		}
		net.Link("shop", "greeter").Delay(time.Second)
		began := time.Now()
		if _, err := hello(t.Context(), c, "greeter", "Greeter.Hello"); err != nil || time.Since(began) < 2*time.Second || time.Since(began) > 3*time.Second {
			t.Errorf("there and back took %v, %v", time.Since(began), err)
		}
		if _, err := hello(t.Context(), net.Client("office"), "greeter", "Greeter.Hello"); err != nil || time.Since(began) > 4*time.Second {
			t.Errorf("another link: %v", err)
		}
	})
}

func TestCallsGoToAnotherNodeWhenOneCrashes(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		net := microtest.New(t, quiet())
		first, second := &Greeter{text: "first "}, &Greeter{text: "second "}
		crashed := net.Run("greeter", first)
		net.Run("greeter", second)
		c := net.Client("shop")
		net.Crash(crashed)
		for range 20 {
			if text, err := hello(t.Context(), c, "greeter", "Greeter.Hello"); err != nil || text != "second you" {
				t.Fatalf("%q, %v", text, err)
			}
		}
		if services, err := crashed.Options().Registry.ListServices(); err == nil {
			t.Errorf("the crashed node still sees %v", services)
		}
		// Its registration is not renewed, and expires.
		time.Sleep(server.DefaultRegisterTTL + time.Minute)
		if n := nodes(t, net, "greeter"); n != 1 {
			t.Errorf("%d nodes are registered", n)
		}
		net.Restore(crashed)
		time.Sleep(server.DefaultRegisterInterval + time.Second)
		if n := nodes(t, net, "greeter"); n != 2 {
			t.Errorf("%d nodes are registered when it is restored", n)
		}
	})
}

// nodes counts the nodes of a service.
func nodes(t *testing.T, net *microtest.Network, name string) (n int) {
	t.Helper()
	services, err := net.Client("observer").Options().Registry.GetService(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range services {
		n += len(s.Nodes)
	}
	return n
}

func TestMessagesReachWhoIsNotCutOff(t *testing.T) {
	net := microtest.New(t, quiet())
	got := map[string]*atomic.Int64{"a": {}, "b": {}}
	var services []micro.Service
	for name, count := range got {
		s := net.Service(name)
		err := micro.RegisterSubscriber("news", s.Server(), func(context.Context, *Request) error {
			count.Add(1)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		services = append(services, s)
	}
	net.Start(services...)
	c := net.Client("paper")
	if err := c.Options().Broker.Connect(); err != nil {
		t.Fatal(err)
	}
	publish := func() error {
		return c.Publish(t.Context(), c.NewMessage("news", &Request{"x"}, client.WithMessageContentType("application/json")))
	}
	if err := publish(); err != nil {
		t.Fatal(err)
	}
	net.Link("b", microtest.Broker).Cut()
	if err := publish(); err != nil {
		t.Fatal(err)
	}
	if a, b := got["a"].Load(), got["b"].Load(); a != 2 || b != 1 {
		t.Errorf("a got %d, b got %d", a, b)
	}
	net.Link("paper", microtest.Broker).Cut()
	if err := publish(); err == nil {
		t.Error("who is cut off has published")
	}
	// One that stops does not disconnect the others.
	net.Stop(services[0])
	net.Link("paper", microtest.Broker).Heal()
	net.Link("b", microtest.Broker).Heal()
	if err := publish(); err != nil {
		t.Error(err)
	}
	if sum := got["a"].Load() + got["b"].Load(); sum != 4 {
		t.Errorf("%d messages arrived", sum)
	}
}

func TestWhoIsCutOffFromTheRegistryFindsNobodyNew(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		net := microtest.New(t, quiet())
		net.Run("greeter", new(Greeter))
		c := net.Client("shop")
		if _, err := hello(t.Context(), c, "greeter", "Greeter.Hello"); err != nil {
			t.Fatal(err)
		}
		net.Link("shop", microtest.Registry).Cut()
		net.Run("other", new(Greeter))
		if _, err := hello(t.Context(), c, "other", "Greeter.Hello"); err == nil {
			t.Error("found without a registry")
		}
		if _, err := hello(t.Context(), c, "greeter", "Greeter.Hello"); err != nil {
			t.Errorf("who was known is no more: %v", err)
		}
		net.Link("shop", microtest.Registry).Heal()
		time.Sleep(time.Minute)
		if _, err := hello(t.Context(), c, "other", "Greeter.Hello"); err != nil {
			t.Errorf("with the registry: %v", err)
		}
	})
}

func TestAStoppedServiceDrainsAndIsGone(t *testing.T) {
	net := microtest.New(t, quiet())
	s := net.Run("greeter", new(Greeter))
	net.Stop(s)
	net.Stop(s)
	if _, err := hello(t.Context(), net.Client("shop"), "greeter", "Greeter.Hello"); err == nil {
		t.Error("a stopped service was called")
	}
}

// failing is a test that fails inside another one.
type failing struct {
	testing.TB
	failed  bool
	message string
}

func (f *failing) Errorf(format string, args ...any) {
	f.failed, f.message = true, fmt.Sprintf(format, args...)
}
func (f *failing) Failed() bool { return f.failed }
func (f *failing) FailNow()     { panic(f) }
func (f *failing) Helper()      {}

func TestAServiceThatCannotStartFailsTheTest(t *testing.T) {
	f := &failing{TB: t}
	net := microtest.New(f, quiet())
	s := net.Service("greeter", micro.BeforeStart(func() error { return errors.New("no disk") }))
	func() {
		defer func() {
			if r := recover(); r != f {
				t.Errorf("recovered %v", r)
			}
		}()
		net.Start(s)
	}()
	if !strings.Contains(f.message, "start service greeter: no disk") {
		t.Errorf("the message is %q", f.message)
	}
	f.failed = false
}

func TestATestThatFailedBeforeGoesOnAfterAStart(t *testing.T) {
	f := &failing{TB: t, failed: true} // by t.Error, for something else
	net := microtest.New(f, quiet())
	net.Run("greeter", new(Greeter))
	if _, err := hello(t.Context(), net.Client("shop"), "greeter", "Greeter.Hello"); err != nil || f.message != "" {
		t.Errorf("%v, and the test is told %q", err, f.message)
	}
}

func TestACrashedServiceNeedNotBeRestored(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		net := microtest.New(t, quiet())
		net.Crash(net.Run("greeter", new(Greeter)))
	})
}

func TestASilentRegistryDoesNotKeepATestFromEnding(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		net := microtest.New(t, quiet())
		s := net.Run("greeter", new(Greeter))
		net.Link("greeter", microtest.Registry).Silence()
		net.Link("greeter", microtest.Broker).Silence()
		net.Stop(s)
	})
}

func BenchmarkFiftyServices(b *testing.B) {
	for b.Loop() {
		net := microtest.New(b, quiet())
		startFifty(b, net)
	}
}

func BenchmarkCall(b *testing.B) {
	net := microtest.New(b, quiet())
	net.Run("greeter", new(Greeter))
	c := net.Client("shop")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := hello(b.Context(), c, "greeter", "Greeter.Hello"); err != nil {
			b.Fatal(err)
		}
	}
}
