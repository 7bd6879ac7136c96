package client_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

func TestAClientWithoutOptionsHasTheDefaults(t *testing.T) {
	c := client.NewClient()
	if c.String() != "mucp" || client.String() != "mucp" {
		t.Errorf("String is %s", c.String())
	}
	o := c.Options()
	if o.Broker != broker.DefaultBroker || o.Selector != selector.DefaultSelector ||
		o.Registry != registry.DefaultRegistry || o.Transport != transport.DefaultTransport {
		t.Error("the parts are not the package defaults")
	}
	if o.ContentType != "application/json" || o.PoolSize != 100 || o.PoolTTL != time.Minute || o.Cache == nil || o.Logger == nil {
		t.Errorf("options are %+v", o)
	}
	co := o.CallOptions
	if co.Retries != 5 || co.RequestTimeout != 30*time.Second || co.ConnectionTimeout != 5*time.Second ||
		co.DialTimeout != 5*time.Second || co.StreamTimeout != 0 || co.Backoff == nil || co.Retry == nil {
		t.Errorf("call options are %+v", co)
	}
}

func TestOptionsSetTheirFields(t *testing.T) {
	tr := transport.NewMemoryTransport()
	o := client.NewOptions(
		client.Broker(nil), client.Transport(tr), client.ContentType("a/b"), client.PoolSize(1), client.PoolTTL(2),
		client.Retries(3), client.RequestTimeout(4), client.StreamTimeout(5), client.DialTimeout(6),
		client.Codec("x/y", json.NewCodec), client.WithLogger(nil), client.WithRouter(nil),
		client.Backoff(nil), client.Retry(nil),
	)
	co := o.CallOptions
	if o.Broker != nil || o.Transport != tr || o.ContentType != "a/b" || o.PoolSize != 1 || o.PoolTTL != 2 ||
		co.Retries != 3 || co.RequestTimeout != 4 || co.StreamTimeout != 5 || co.DialTimeout != 6 ||
		o.Codecs["x/y"] == nil || o.Logger != nil || co.Backoff != nil || co.Retry != nil {
		t.Errorf("options are %+v", o)
	}
}

func TestCallOptionsSetTheirFields(t *testing.T) {
	var o client.CallOptions
	for _, opt := range []client.CallOption{
		client.WithAddress("a", "b"), client.WithBackoff(client.DefaultBackoff), client.WithCache(1),
		client.WithConnClose(), client.WithDialTimeout(2), client.WithRequestTimeout(3), client.WithRetries(4),
		client.WithRetry(client.RetryAlways), client.WithSelectOption(selector.WithStrategy(selector.Random)),
		client.WithServiceToken(), client.WithStreamTimeout(5),
	} {
		opt(&o)
	}
	if !slices.Equal(o.Address, []string{"a", "b"}) || o.Backoff == nil || o.CacheExpiry != 1 || !o.ConnClose ||
		o.DialTimeout != 2 || o.RequestTimeout != 3 || o.Retries != 4 || o.Retry == nil || len(o.SelectOptions) != 1 ||
		!o.ServiceToken || o.StreamTimeout != 5 {
		t.Errorf("call options are %+v", o)
	}
}

func TestRequestsAndMessagesSayWhatTheyWereMadeOf(t *testing.T) {
	c := newClient(t, transport.NewMemoryTransport(), client.ContentType("a/b"))
	r := c.NewRequest("s", "T.M", 1)
	if r.Service() != "s" || r.Method() != "T.M" || r.Endpoint() != "T.M" || r.Body() != 1 || r.ContentType() != "a/b" || r.Stream() || r.Codec() != nil {
		t.Errorf("request is %+v", r)
	}
	r = client.NewRequest("s", "T.M", 1, client.WithContentType("c/d"), client.StreamingRequest())
	if r.ContentType() != "c/d" || !r.Stream() {
		t.Errorf("request is %+v", r)
	}
	m := c.NewMessage("t", 1)
	if m.Topic() != "t" || m.Payload() != 1 || m.ContentType() != "a/b" {
		t.Errorf("message is %+v", m)
	}
	if m = client.NewMessage("t", 1); m.ContentType() != "application/json" {
		t.Errorf("message is %+v", m)
	}
}

// named is a client that wrappers put around another one.
type named struct {
	client.Client
	name string
}

func (n named) String() string { return n.name + " " + n.Client.String() }

func TestWrappersFirstIsOutermost(t *testing.T) {
	wrap := func(name string) client.Wrapper {
		return func(c client.Client) client.Client { return named{c, name} }
	}
	c := client.NewClient(client.Wrap(wrap("a")), client.Wrap(wrap("b")))
	if c.String() != "a b mucp" {
		t.Errorf("String is %q", c.String())
	}
}

func TestAClientTravelsInAContext(t *testing.T) {
	if _, ok := client.FromContext(context.Background()); ok {
		t.Error("a client came from nowhere")
	}
	c := client.NewClient()
	if got, ok := client.FromContext(client.NewContext(context.Background(), c)); !ok || got != c {
		t.Errorf("got %v, %v", got, ok)
	}
}

// Registry re-initialised the selector that all default clients share.
func TestRegistryDoesNotRedirectOtherClients(t *testing.T) {
	ours := registry.NewMemoryRegistry()
	c := client.NewClient(client.Registry(ours))
	defer c.(io.Closer).Close()
	other := client.NewClient()
	if got := other.Options().Selector.Options().Registry; got == ours {
		t.Error("the other client looks into our registry")
	}
	own := c.Options().Selector
	if own == selector.DefaultSelector || own.Options().Registry != ours {
		t.Error("the client does not look into its own registry")
	}
	next := registry.NewMemoryRegistry()
	if err := c.Init(client.Registry(next)); err != nil {
		t.Fatal(err)
	}
	if got := c.Options().Selector; got != own || got.Options().Registry != next {
		t.Error("the second registry did not go to the client's own selector")
	}
	if err := c.Init(client.Selector(nodesAt("a:1"))); err != nil {
		t.Fatal(err)
	}
}

func TestCallsFindTheirServiceInTheRegistry(t *testing.T) {
	tr, r := transport.NewMemoryTransport(), registry.NewMemoryRegistry()
	p := newPeer(t, tr, echo)
	err := r.Register(&registry.Service{Name: "greeter", Version: "1", Nodes: []*registry.Node{
		{Id: "greeter-1", Address: p.addr, Metadata: map[string]string{"protocol": "mucp"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := client.NewClient(client.Transport(tr), client.Registry(r))
	defer c.(io.Closer).Close()
	if got, err := call(context.Background(), c, ""); err != nil || got != "Ada" {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = c.Stream(context.Background(), c.NewRequest("nobody", "A.B", nil))
	wantError(t, err, "go.micro.client", 500, "service nobody: not found in registry memory; is it running, and on the same network?")
}

// tracking is a selector that wants to know about load.
type tracking struct {
	*fixedNodes
	begun, ended []string
}

func (s *tracking) Begin(service string, node *registry.Node) func(error) {
	s.begun = append(s.begun, node.Address)
	return func(err error) { s.ended = append(s.ended, node.Address) }
}

func TestSelectorIsToldAboutLoad(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	s := &tracking{fixedNodes: nodesAt("127.0.0.1:1", p.addr)}
	if _, err := call(context.Background(), newClient(t, tr, client.Selector(s), client.Retries(1)), ""); err != nil {
		t.Fatal(err)
	}
	want := []string{"127.0.0.1:1", p.addr}
	if !slices.Equal(s.begun, want) || !slices.Equal(s.ended, want) {
		t.Errorf("begun %v, ended %v, want %v", s.begun, s.ended, want)
	}
}

func TestOptionsHandedOutAreCopies(t *testing.T) {
	c := newClient(t, transport.NewMemoryTransport(), client.Codec("x/y", json.NewCodec))
	delete(c.Options().Codecs, "x/y")
	if c.Options().Codecs["x/y"] == nil {
		t.Error("Options shares the client's map")
	}
}

func TestInitKeepsThePool(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	c := newClient(t, tr)
	for _, opts := range [][]client.Option{nil, {client.Retries(1)}, {client.PoolSize(5)}, {client.PoolTTL(time.Hour)}} {
		if err := c.Init(opts...); err != nil {
			t.Fatal(err)
		}
		if _, err := call(context.Background(), c, p.addr); err != nil {
			t.Fatal(err)
		}
	}
	if total, _ := p.connections(); total != 3 {
		t.Errorf("%d connections, want one for each pool", total)
	}
	testkit.Eventually(t, "only the last pool holds a connection", func() bool { _, open := p.connections(); return open == 1 })
}

func TestCloseClosesTheConnectionsAndLeavesTheClientUsable(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	c := newClient(t, tr)
	if _, err := call(context.Background(), c, p.addr); err != nil {
		t.Fatal(err)
	}
	var closing sync.WaitGroup
	for range 3 {
		closing.Go(func() {
			if err := c.(io.Closer).Close(); err != nil {
				t.Error(err)
			}
		})
	}
	closing.Wait()
	testkit.Eventually(t, "the connection is closed", func() bool { _, open := p.connections(); return open == 0 })
	if got, err := call(context.Background(), c, p.addr); err != nil || got != "Ada" {
		t.Errorf("after Close got %q, %v", got, err)
	}
}

func TestCodecsOfTheCallerReplaceTheBuiltIn(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	upper := func(rwc io.ReadWriteCloser) codec.Codec { return upperCodec{json.NewCodec(rwc)} }
	c := newClient(t, tr, client.Codec("application/json", upper))
	if got, err := call(context.Background(), c, p.addr); err != nil || got != "ADA" {
		t.Errorf("got %q, %v", got, err)
	}

	client.DefaultCodecs["application/late"] = json.NewCodec
	defer delete(client.DefaultCodecs, "application/late")
	req := c.NewRequest("greeter", "Greeter.Hello", &echoBody{"Ada"}, client.WithContentType("application/late"))
	if err := c.Call(context.Background(), req, nil, client.WithAddress(p.addr)); err != nil {
		t.Errorf("a codec added to DefaultCodecs later: %v", err)
	}
}

// upperCodec is a JSON codec that shouts.
type upperCodec struct{ codec.Codec }

func (u upperCodec) Write(m *codec.Message, v any) error {
	if b, ok := v.(*echoBody); ok {
		v = &echoBody{strings.ToUpper(b.Name)}
	}
	return u.Codec.Write(m, v)
}

// An option that is made under a condition is nil when it does not hold.
func TestNilOptionsAreSkipped(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	c := newClient(t, tr, nil)
	if err := c.Init(nil); err != nil {
		t.Fatal(err)
	}
	req := c.NewRequest("greeter", "Greeter.Hello", &echoBody{"Ada"}, nil)
	if err := c.Call(context.Background(), req, nil, nil, client.WithAddress(p.addr)); err != nil {
		t.Error(err)
	}
	if m := c.NewMessage("topic", "x", nil); m.Topic() != "topic" {
		t.Errorf("the message is %v", m)
	}
}
