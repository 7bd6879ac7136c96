package client_test

import (
	"context"
	stderrors "errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

// slowRegistry takes its time, and keeps the context of the last lookup. It
// heeds it if it is told to.
type slowRegistry struct {
	registry.Registry
	takes time.Duration
	heeds bool

	mu  sync.Mutex
	ctx context.Context
}

func (r *slowRegistry) GetService(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	var o registry.GetOptions
	for _, opt := range opts {
		opt(&o)
	}
	r.mu.Lock()
	r.ctx = o.Context
	r.mu.Unlock()
	if r.heeds {
		select {
		case <-time.After(r.takes):
		case <-o.Context.Done():
			return nil, o.Context.Err()
		}
	} else {
		time.Sleep(r.takes)
	}
	return r.Registry.GetService(name)
}

func (r *slowRegistry) lastContext() context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ctx
}

// plainSelector has nothing but the methods of a Selector.
type plainSelector struct{ selector.Selector }

type markKey struct{}

func TestTheContextOfACallHoldsDuringTheLookup(t *testing.T) {
	const limit = 20 * time.Millisecond
	var expires context.Context
	calls := map[string]func(client.Client, ...client.CallOption) error{
		"a call with a deadline": func(c client.Client, opts ...client.CallOption) error {
			_, err := call(expires, c, "", opts...)
			return err
		},
		"a call with RequestTimeout": func(c client.Client, opts ...client.CallOption) error {
			_, err := call(context.Background(), c, "", append(opts, client.WithRequestTimeout(limit))...)
			return err
		},
		"a stream with a deadline": func(c client.Client, opts ...client.CallOption) error {
			_, err := c.Stream(expires, c.NewRequest("greeter", "Greeter.Chat", nil), opts...)
			return err
		},
		"a stream with StreamTimeout": func(c client.Client, opts ...client.CallOption) error {
			_, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", nil), append(opts, client.WithStreamTimeout(limit))...)
			return err
		},
		"a stream with RequestTimeout": func(c client.Client, opts ...client.CallOption) error {
			_, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", nil), append(opts, client.WithRequestTimeout(limit))...)
			return err
		},
	}
	filter := client.WithSelectOption(selector.WithFilter(func(s []*registry.Service) []*registry.Service { return s }))
	ofItsOwn := client.WithSelectOption(selector.WithContext(context.Background()))
	for what, ask := range calls {
		for name, e := range map[string]struct {
			heeds, plain bool
			opts         []client.CallOption
		}{
			"a registry that heeds it":             {heeds: true},
			"a registry that does not":             {},
			"a selector that does not":             {plain: true},
			"a registry that does not, and filter": {opts: []client.CallOption{filter}},
			"a context for the lookup alone":       {opts: []client.CallOption{ofItsOwn}},
		} {
			t.Run(what+", "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := &slowRegistry{Registry: registry.NewMemoryRegistry(), takes: 3 * time.Second, heeds: e.heeds}
					s := selector.NewSelector(selector.Registry(r))
					defer s.Close()
					if e.plain {
						s = plainSelector{s}
					}
					c := newClient(t, transport.NewMemoryTransport(), client.Selector(s))
					defer time.Sleep(r.takes) // until the lookup has ended
					begun := time.Now()
					ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), markKey{}, "mine"), limit)
					defer cancel()
					expires = ctx
					err := ask(c, e.opts...)
					if !stderrors.Is(err, context.DeadlineExceeded) || errors.FromError(err).Code != 408 {
						t.Errorf("the error is %v", err)
					}
					if took := time.Since(begun); took != limit {
						t.Errorf("it took %v", took)
					}
					if detail := errors.FromError(err).Detail; !strings.Contains(detail, "no node of service greeter was called within 20ms") {
						t.Errorf("the error does not say what took so long: %s", detail)
					}
					if strings.HasPrefix(name, "a context") {
						return
					}
					if lookup := r.lastContext(); lookup == nil {
						t.Error("the lookup has no context")
					} else if deadline, ok := lookup.Deadline(); !ok || deadline.Sub(begun) != limit {
						t.Errorf("the deadline of the lookup is %v, %v", deadline, ok)
					} else if strings.HasSuffix(what, "a deadline") && lookup.Value(markKey{}) != "mine" {
						t.Error("the lookup has not the values of the call's context")
					}
				})
			})
		}
	}
}

func TestALookupThatEndsInTimeServesTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		p := newPeer(t, tr, echo)
		memory := registry.NewMemoryRegistry()
		if err := memory.Register(&registry.Service{Name: "greeter", Version: "1", Nodes: nodesAt(p.addr).nodes}); err != nil {
			t.Fatal(err)
		}
		s := selector.NewSelector(selector.Registry(&slowRegistry{Registry: memory, takes: time.Second}))
		defer s.Close()
		for _, s := range []selector.Selector{s, plainSelector{s}} {
			got, err := call(context.Background(), newClient(t, tr, client.Selector(s)), "")
			if err != nil || got != "Ada" {
				t.Errorf("got %q, %v", got, err)
			}
		}
	})
}

func TestAPanicOfASelectorIsAnError(t *testing.T) {
	for name, s := range map[string]selector.Selector{
		"registry": selector.NewSelector(selector.Registry(panickingRegistry{registry.NewMemoryRegistry()})),
		"selector": panickingSelector{selector.NewSelector(selector.Registry(registry.NewMemoryRegistry()))},
	} {
		_, err := call(context.Background(), newClient(t, transport.NewMemoryTransport(), client.Selector(s)), "")
		if e := errors.FromError(err); e.GetCode() != 500 || !strings.Contains(e.GetDetail(), "no such luck") {
			t.Errorf("%s: the error is %v", name, err)
		}
		s.Close()
	}
}

type panickingRegistry struct{ registry.Registry }

func (panickingRegistry) GetService(string, ...registry.GetOption) ([]*registry.Service, error) {
	panic("no such luck")
}

type panickingSelector struct{ selector.Selector }

func (panickingSelector) Select(string, ...selector.SelectOption) (selector.Next, error) {
	panic("no such luck")
}

// counting is a selector that counts how it is asked.
type counting struct {
	selector.Selector
	picks, selects int
}

func (c *counting) Pick(ctx context.Context, service string) (*registry.Node, error) {
	c.picks++
	return c.Selector.(selector.Picker).Pick(ctx, service)
}

func (c *counting) Select(service string, opts ...selector.SelectOption) (selector.Next, error) {
	c.selects++
	return c.Selector.Select(service, opts...)
}

func TestTheFirstNodeIsPickedUnlessThereAreSelectOptions(t *testing.T) {
	tr := transport.NewMemoryTransport()
	live := newPeer(t, tr, echo)
	s := &counting{Selector: selectorOf(t, live.addr)}
	c := newClient(t, tr, client.Selector(s))
	if _, err := call(context.Background(), c, ""); err != nil || s.picks != 1 || s.selects != 0 {
		t.Errorf("%d picks and %d selects, %v", s.picks, s.selects, err)
	}
	if _, err := call(context.Background(), c, "", client.WithSelectOption(selector.WithStrategy(selector.RoundRobin))); err != nil || s.picks != 1 || s.selects != 1 {
		t.Errorf("with an option %d picks and %d selects, %v", s.picks, s.selects, err)
	}

	dead := newPeer(t, tr, echo)
	dead.listener.Close()
	s = &counting{Selector: selectorOf(t, dead.addr, live.addr)}
	c = newClient(t, tr, client.Selector(s), client.Retries(1))
	for range 20 {
		if _, err := call(context.Background(), c, ""); err != nil {
			t.Fatal(err)
		}
	}
	if s.picks != 20 || s.selects == 0 {
		t.Errorf("with a dead node %d picks and %d selects", s.picks, s.selects)
	}
}

func TestACallWrapperMayChangeItsNode(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	s := selectorOf(t, p.addr)
	spoil := func(next client.CallFunc) client.CallFunc {
		return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
			err := next(ctx, node, req, rsp, opts)
			node.Address = "spoilt"
			return err
		}
	}
	for name, c := range map[string]func() error{
		"of the client": func() error {
			_, err := call(context.Background(), newClient(t, tr, client.Selector(s), client.WrapCall(spoil)), "")
			return err
		},
		"of the call": func() error {
			_, err := call(context.Background(), newClient(t, tr, client.Selector(s)), "", client.WithCallWrapper(spoil))
			return err
		},
	} {
		for range 2 {
			if err := c(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := call(context.Background(), newClient(t, tr, client.Selector(s)), ""); err != nil {
		t.Error(err)
	}
}

func TestLeastLoadedCountsStreamsUntilTheyEnd(t *testing.T) {
	for name, end := range map[string]func(client.Stream, context.CancelFunc){
		"closed":    func(s client.Stream, _ context.CancelFunc) { s.Close() },
		"cancelled": func(_ client.Stream, cancel context.CancelFunc) { cancel() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr := transport.NewMemoryTransport()
				a, b := newPeer(t, tr, echo), newPeer(t, tr, echo)
				s := selectorOf(t, a.addr, b.addr)
				if err := s.Init(selector.SetStrategy(selector.LeastLoaded)); err != nil {
					t.Fatal(err)
				}
				c := newClient(t, tr, client.Selector(s))
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				var streams []client.Stream
				for range 20 {
					stream, err := c.Stream(ctx, c.NewRequest("greeter", "Greeter.Chat", nil))
					if err != nil {
						t.Fatal(err)
					}
					defer stream.Close()
					streams = append(streams, stream)
				}
				synctest.Wait()
				onA, _ := a.connections()
				onB, _ := b.connections()
				if onA != 10 || onB != 10 {
					t.Errorf("%d streams went to one node and %d to the other", onA, onB)
				}
				for _, stream := range streams {
					end(stream, cancel)
				}
				synctest.Wait()
				for _, addr := range []string{a.addr, b.addr} {
					if n := inFlight(t, s, addr); n != 0 {
						t.Errorf("%d streams are still counted on %s", n, addr)
					}
				}
			})
		})
	}
}

// inFlight finds out what a LeastLoaded selector thinks is under way on the
// node with this id: it loads the other one until that is left alone.
func inFlight(t *testing.T, s selector.Selector, id string) int {
	t.Helper()
	tracker := s.(selector.StreamTracker)
	services, err := s.Options().Registry.GetService("greeter")
	if err != nil {
		t.Fatal(err)
	}
	var other *registry.Node
	for _, n := range services[0].Nodes {
		if n.Id != id {
			other = n
		}
	}
	for more := range 100 {
		defer tracker.BeginStream("greeter", other)()
		always := true
		for range 50 {
			next, err := s.Select("greeter")
			if err != nil {
				t.Fatal(err)
			}
			if n, _ := next(); n.Id != id {
				always = false
			}
		}
		if always {
			return more
		}
	}
	return -1
}

// hangingBroker does not connect before it is told to.
type hangingBroker struct {
	broker.Broker
	release chan struct{}
}

func (b hangingBroker) Connect() error {
	<-b.release
	return nil
}

func (hangingBroker) Publish(string, *broker.Message, ...broker.PublishOption) error { return nil }

func TestPublishIsNotHeldByABrokerThatDoesNotConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := hangingBroker{release: make(chan struct{})}
		c := newClient(t, transport.NewMemoryTransport(), client.Broker(b))
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := c.Publish(ctx, c.NewMessage("news", nil))
		if !stderrors.Is(err, context.DeadlineExceeded) || errors.FromError(err).Code != 408 || !strings.Contains(err.Error(), "news") {
			t.Errorf("the error is %v", err)
		}
		close(b.release)
		if err := c.Publish(context.Background(), c.NewMessage("news", nil)); err != nil {
			t.Error(err)
		}
	})
}
