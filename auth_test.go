package micro_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/jwt"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/authwire"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/wrapper"
)

// town is a registry, a broker and a transport with an issuer of accounts.
type town struct {
	t               *testing.T
	issuer          auth.Auth
	private, public string // the keys of the issuer
	registry        registry.Registry
	opts            []micro.Option
}

func newTown(t *testing.T) *town {
	private, public := signingKey(t)
	reg := registry.NewMemoryRegistry()
	return &town{
		t: t, issuer: jwt.NewAuth(auth.PrivateKey(private)), private: private, public: public, registry: reg,
		opts: []micro.Option{
			micro.Registry(reg), micro.Broker(broker.NewMemoryBroker()),
			micro.Transport(transport.NewMemoryTransport()), micro.Address("127.0.0.1:0"),
		},
	}
}

// service runs a guarded service whose account has its name.
func (w *town) service(name string, prepare func(server.Server) error, opts ...micro.Option) micro.Service {
	w.t.Helper()
	acc, err := w.issuer.Generate(name, auth.WithType("service"), auth.WithScopes(name))
	if err != nil {
		w.t.Fatal(err)
	}
	a := jwt.NewAuth(auth.PrivateKey(w.private), auth.Credentials(acc.ID, acc.Secret))
	return runningWith(w.t, prepare, append(append([]micro.Option{micro.Name(name), micro.Auth(a)}, w.opts...), opts...)...)
}

// Relay calls another service with its own context.
type Relay struct {
	client  func() client.Client
	next    string
	forward bool
}

func (r *Relay) Call(ctx context.Context, req *EchoRequest, rsp *EchoResponse) error {
	if r.forward {
		ctx = wrapper.ForwardAuthorization(ctx)
	}
	c := r.client()
	return c.Call(ctx, c.NewRequest(r.next, "Who.Call", req), rsp)
}

// Who tells who calls it.
type Who struct{}

func (Who) Call(ctx context.Context, _ *EchoRequest, rsp *EchoResponse) error {
	acc, ok := auth.AccountFromContext(ctx)
	if !ok {
		return errors.New("nobody")
	}
	rsp.Text = acc.ID
	return nil
}

func TestServicesCallEachOtherInTheirOwnName(t *testing.T) {
	for name, tc := range map[string]struct {
		forward bool
		want    string
	}{"their own": {false, "shop"}, "their caller's": {true, "ada"}} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			var shop micro.Service
			relay := &Relay{client: func() client.Client { return shop.Client() }, next: "bank", forward: tc.forward}
			w.service("bank", func(s server.Server) error { return micro.RegisterHandler(s, Who{}) })
			shop = w.service("shop", func(s server.Server) error { return micro.RegisterHandler(s, relay) })
			ctx := metadata.Set(t.Context(), "Authorization", "Bearer "+accessToken(t, w.issuer, "ada").AccessToken)
			rsp := new(EchoResponse)
			c := shop.Client()
			if err := c.Call(ctx, c.NewRequest("shop", "Relay.Call", &EchoRequest{}), rsp); err != nil || rsp.Text != tc.want {
				t.Errorf("bank was called by %q, %v", rsp.Text, err)
			}
		})
	}
}

func TestTheClientOfAServiceCarriesItsTokenEverywhere(t *testing.T) {
	w := newTown(t)
	who := make(chan string, 1)
	bank := w.service("bank", func(s server.Server) error {
		return errors.Join(
			micro.RegisterHandler(s, Who{}),
			micro.RegisterHandler(s, &Tell{who}),
			micro.RegisterSubscriber("news", s, func(ctx context.Context, _ *Note) error {
				acc, _ := auth.AccountFromContext(ctx)
				who <- acc.ID
				return nil
			}))
	})
	c := bank.Client()
	rsp := new(EchoResponse)
	if err := c.Call(t.Context(), c.NewRequest("bank", "Who.Call", &EchoRequest{}), rsp); err != nil || rsp.Text != "bank" {
		t.Errorf("call: %q, %v", rsp.Text, err)
	}
	s, err := c.Stream(t.Context(), c.NewRequest("bank", "Tell.Stream", &EchoRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	if got := <-who; got != "bank" {
		t.Errorf("stream: %q", got)
	}
	if err := errors.Join(s.Close(), micro.NewEvent("news", c).Publish(t.Context(), &Note{"x"})); err != nil {
		t.Fatal(err)
	}
	if got := <-who; got != "bank" {
		t.Errorf("event: %q", got)
	}
}

// Tell is a stream that tells who opened it.
type Tell struct{ who chan string }

func (h *Tell) Stream(ctx context.Context, s server.Stream) error {
	acc, _ := auth.AccountFromContext(ctx)
	if of, ok := auth.AccountFromContext(s.Context()); !ok || of != acc {
		return errors.New("the stream has another context")
	}
	h.who <- acc.ID
	return nil
}

func TestHandlersDeclareWhoMayCallThem(t *testing.T) {
	for name, opts := range map[string][]micro.Option{
		"without rules":    nil,
		"with other rules": {micro.AuthRules(jwt.NewRules())},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTown(t)
			entries := new(entries)
			bank := w.service("bank", func(s server.Server) error {
				return errors.Join(
					micro.RegisterHandler(s, Lobby{}, server.EndpointRules("Lobby.Wait", &auth.Rule{Scope: auth.ScopePublic}, nil)),
					micro.RegisterHandler(s, &Vault{entries}, server.EndpointRules("Vault.Open", &auth.Rule{Scope: "teller"})),
					micro.RegisterSubscriber("deposits", s, func(ctx context.Context, _ *Note) error { entries.note(ctx); return nil },
						server.SubscriberRules(&auth.Rule{Scope: "teller"})))
			}, opts...)
			anonymous := client.NewClient(client.Registry(w.registry), client.Transport(bank.Options().Transport), client.Broker(bank.Options().Broker))
			t.Cleanup(func() { _ = anonymous.Options().Selector.Close() })
			for header, want := range map[string][3]int32{ // codes for the lobby, the vault and a deposit
				"": {0, 401, 401},
				"Bearer " + accessToken(t, w.issuer, "gus", "guest").AccessToken:   {0, 403, 403},
				"Bearer " + accessToken(t, w.issuer, "tess", "teller").AccessToken: {0, 0, 0},
			} {
				ctx := withToken(t, header)
				for i, err := range []error{
					anonymous.Call(ctx, anonymous.NewRequest("bank", "Lobby.Wait", &EchoRequest{}), new(EchoResponse)),
					anonymous.Call(ctx, anonymous.NewRequest("bank", "Vault.Open", &EchoRequest{}), new(EchoResponse)),
					anonymous.Publish(ctx, anonymous.NewMessage("deposits", &Note{"x"})),
				} {
					if code := microerrors.FromError(err).GetCode(); code != want[i] {
						t.Errorf("%d: got %v, want code %d", i, err, want[i])
					}
				}
			}
			if got := entries.take(); got != "tess tess" {
				t.Errorf("in came %q", got)
			}
		})
	}
}

// A message may name another topic than the one it is published to.
func TestTheTopicThatIsSubscribedToIsVerified(t *testing.T) {
	w := newTown(t)
	entries, rules := new(entries), jwt.NewRules()
	if err := rules.Grant(&auth.Rule{Resource: &auth.Resource{Type: "topic", Name: "lobby", Endpoint: "*"}}); err != nil {
		t.Fatal(err)
	}
	bank := w.service("bank", func(s server.Server) error {
		return micro.RegisterSubscriber("deposits", s, func(ctx context.Context, _ *Note) error { entries.note(ctx); return nil })
	}, micro.AuthRules(rules))
	anonymous := client.NewClient(client.Registry(w.registry), client.Broker(bank.Options().Broker))
	t.Cleanup(func() { _ = anonymous.Options().Selector.Close() })
	err := anonymous.Publish(t.Context(), anonymous.NewMessage("lobby", &Note{"x"}), client.WithExchange("deposits"))
	if e, ok := microerrors.As(err); !ok || e.Code != 401 {
		t.Errorf("got %v", err)
	}
	if came := entries.take(); came != "" {
		t.Errorf("in came %q", came)
	}
}

func TestRulesOfASubscriberAreNotThoseOfItsNeighbours(t *testing.T) {
	w := newTown(t)
	open, closed := new(entries), new(entries)
	subscribe := func(s server.Server, e *entries, rules ...*auth.Rule) error {
		return micro.RegisterSubscriber("deposits", s, func(ctx context.Context, _ *Note) error { e.note(ctx); return nil }, server.SubscriberRules(rules...))
	}
	bank := w.service("bank", func(s server.Server) error {
		return errors.Join(subscribe(s, open, &auth.Rule{Scope: auth.ScopePublic}), subscribe(s, closed, &auth.Rule{Scope: "teller"}))
	})
	for name, send := range map[string]func(header map[string]string) error{
		"by the broker": func(h map[string]string) error {
			return bank.Options().Broker.Publish("deposits", &broker.Message{Header: h, Body: []byte("{}")})
		},
		"to the server": func(h map[string]string) error {
			c, err := bank.Options().Transport.Dial(bank.Server().Options().Address)
			if err != nil {
				return err
			}
			defer c.Close()
			if err := c.Send(&transport.Message{Header: h, Body: []byte("{}")}); err != nil {
				return err
			}
			return c.Recv(new(transport.Message))
		},
	} {
		err := send(map[string]string{"Micro-Topic": "deposits", "Content-Type": "application/json"})
		if _, refused := microerrors.As(err); err != nil && !refused {
			t.Fatal(err)
		}
		if in, out := open.take(), closed.take(); in != "nobody" || out != "" {
			t.Errorf("%s: in came %q to the one and %q to the other", name, in, out)
		}
	}
}

func TestAnAuthGivenLateGuards(t *testing.T) {
	w := newTown(t)
	service := micro.NewService(append(w.opts, micro.Name("late"))...)
	service.Init(micro.Auth(jwt.NewAuth(auth.PublicKey(w.public))))
	s := service.Server()
	if err := errors.Join(micro.RegisterHandler(s, Who{}), s.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.Stop()
		_ = service.Client().Options().Selector.Close()
	})
	c := service.Client()
	err := c.Call(t.Context(), c.NewRequest("late", "Who.Call", &EchoRequest{}), new(EchoResponse))
	if e, ok := microerrors.As(err); !ok || e.Code != 401 {
		t.Errorf("got %v", err)
	}
}

func TestTheNoopGuardsNothing(t *testing.T) {
	w := newTown(t)
	bank := runningWith(t, func(s server.Server) error { return micro.RegisterHandler(s, Echo{}) },
		append(w.opts, micro.Name("bank"), micro.Auth(auth.NewAuth()), micro.AuthRules(jwt.NewRules()))...)
	c := bank.Client()
	if err := c.Call(t.Context(), c.NewRequest("bank", "Echo.Call", &EchoRequest{}), new(EchoResponse)); err != nil {
		t.Error(err)
	}
}

func TestAServiceWhoseAuthIsNilDoesNotRun(t *testing.T) {
	service := micro.NewService(inMemory(micro.Auth(nil))...)
	t.Cleanup(func() { _ = service.Client().Options().Selector.Close() })
	if err := service.Run(); err == nil || !strings.Contains(err.Error(), "micro.Auth") {
		t.Errorf("got %v", err)
	}
	if err := micro.RegisterHandler(service.Server(), Who{}); err != nil {
		t.Fatal(err)
	}
	if err := service.Server().Start(); err != nil { // without the service
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = service.Server().Stop() })
	c := service.Client()
	err := c.Call(t.Context(), c.NewRequest(service.Name(), "Who.Call", &EchoRequest{}), new(EchoResponse))
	if e, ok := microerrors.As(err); !ok || e.Code != 401 {
		t.Errorf("got %v", err)
	}
}

func TestAnAuthThatNothingEnforcesKeepsAServiceFromRunning(t *testing.T) {
	guard := authwire.Linked.Swap(nil)
	defer authwire.Linked.Store(guard)
	service := micro.NewService(inMemory(func(o *micro.Options) { o.Auth = jwt.NewAuth() })...)
	t.Cleanup(func() { _ = service.Client().Options().Selector.Close() })
	if err := service.Run(); err == nil || !strings.Contains(err.Error(), "micro.Auth") {
		t.Errorf("got %v", err)
	}
}
