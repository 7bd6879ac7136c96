package micro_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/jwt"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// The matrix: every way into a service, tried by everybody.

// signingKey returns a pair of keys in PEM.
func signingKey(t testing.TB) (private, public string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	privDER, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		t.Fatal(err)
	}
	pubDER, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: privDER})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pubDER}))
}

// accessToken returns a token of a new account.
func accessToken(t testing.TB, a auth.Auth, id string, scopes ...string) *auth.Token {
	t.Helper()
	acc, err := a.Generate(id, auth.WithScopes(scopes...))
	if err != nil {
		t.Fatal(err)
	}
	token, err := a.Token(auth.WithCredentials(acc.ID, acc.Secret), auth.WithExpiry(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// entries counts who came in.
type entries struct {
	mu  sync.Mutex
	ids []string
}

func (e *entries) note(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	id := "nobody"
	if acc, ok := auth.AccountFromContext(ctx); ok {
		id = acc.ID
	}
	e.ids = append(e.ids, id)
}

// take returns who came in since the last time.
func (e *entries) take() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	ids := strings.Join(e.ids, " ")
	e.ids = nil
	return ids
}

// Vault is the guarded handler.
type Vault struct{ entries *entries }

func (v *Vault) Open(ctx context.Context, req *EchoRequest, rsp *EchoResponse) error {
	v.entries.note(ctx)
	rsp.Text = req.Text
	return nil
}

func (v *Vault) Server(ctx context.Context, s server.Stream) error {
	v.entries.note(ctx)
	if err := s.Recv(new(EchoRequest)); err != nil {
		return err
	}
	return s.Send(&EchoResponse{})
}

func (v *Vault) Client(ctx context.Context, s server.Stream) error {
	v.entries.note(ctx)
	for {
		if err := s.Recv(new(EchoRequest)); err == io.EOF {
			return s.Send(&EchoResponse{})
		} else if err != nil {
			return err
		}
	}
}

func (v *Vault) Both(ctx context.Context, s server.Stream) error {
	v.entries.note(ctx)
	for {
		if err := s.Recv(new(EchoRequest)); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if err := s.Send(&EchoResponse{}); err != nil {
			return err
		}
	}
}

// Lobby is a handler beside it, where the entries are not noted.
type Lobby struct{}

func (Lobby) Wait(context.Context, *EchoRequest, *EchoResponse) error { return nil }

// vault is a guarded service and a client without a token for it.
type vault struct {
	t         *testing.T
	entries   *entries
	service   micro.Service
	anonymous client.Client
	broker    broker.Broker
	refused   atomic.Pointer[error] // what the broker's error handler was told last
}

const vaultName, vaultTopic = "vault", "deposits"

func newVault(t *testing.T, tr func() transport.Transport, newBroker func(...broker.Option) broker.Broker, opts ...micro.Option) *vault {
	t.Helper()
	v := &vault{t: t, entries: new(entries)}
	reg := registry.NewMemoryRegistry()
	onError := broker.ErrorHandler(func(e broker.Event) error {
		err := e.Error()
		v.refused.Store(&err)
		return nil
	})
	own := newBroker(broker.Registry(reg), onError)
	opts = append([]micro.Option{
		micro.Name(vaultName), micro.Registry(reg), micro.Transport(tr()), micro.Broker(own), micro.Address("127.0.0.1:0"),
	}, opts...)
	v.service = runningWith(t, func(s server.Server) error {
		if err := micro.RegisterSubscriber(vaultTopic, s, func(ctx context.Context, _ *Note) error {
			v.entries.note(ctx)
			return nil
		}); err != nil {
			return err
		}
		return errors.Join(micro.RegisterHandler(s, &Vault{v.entries}), micro.RegisterHandler(s, Lobby{}))
	}, opts...)
	v.broker = own
	if own.String() == "http" {
		v.broker = newBroker(broker.Registry(reg))
	}
	v.anonymous = client.NewClient(client.Registry(reg), client.Transport(tr()), client.Broker(v.broker))
	t.Cleanup(func() {
		_ = v.anonymous.Options().Selector.Close()
		if c, ok := v.anonymous.(io.Closer); ok {
			_ = c.Close()
		}
		_ = v.broker.Disconnect()
	})
	return v
}

// call calls an endpoint.
func (v *vault) call(ctx context.Context, endpoint string) error {
	return v.anonymous.Call(ctx, v.anonymous.NewRequest(vaultName, endpoint, &EchoRequest{"hello"}), new(EchoResponse))
}

// stream opens a stream, sends on it, ends its side and receives to the end.
func (v *vault) stream(ctx context.Context, endpoint string) error {
	s, err := v.anonymous.Stream(ctx, v.anonymous.NewRequest(vaultName, endpoint, &EchoRequest{}))
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Send(&EchoRequest{}); err == nil {
		_ = s.CloseSend() // a refused stream may have ended: Recv says why
	}
	for {
		if err := s.Recv(new(EchoResponse)); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// publish publishes by the broker, and waits for what becomes of it.
func (v *vault) publish(ctx context.Context) error {
	v.refused.Store(nil)
	if err := v.anonymous.Publish(ctx, v.anonymous.NewMessage(vaultTopic, &Note{"x"})); err != nil {
		return err
	}
	testkit.Eventually(v.t, "the event is delivered or refused", func() bool {
		v.entries.mu.Lock()
		defer v.entries.mu.Unlock()
		return len(v.entries.ids) > 0 || v.refused.Load() != nil
	})
	if err := v.refused.Load(); err != nil {
		return *err
	}
	return nil
}

// event sends an event straight to the server.
func (v *vault) event(ctx context.Context) error {
	token, _ := metadata.Get(ctx, "Authorization")
	return v.send(map[string]string{"Micro-Topic": vaultTopic, "Content-Type": "application/json", "Authorization": token}, `{"text":"x"}`)
}

// rpc calls in the form of json-rpc: the endpoint is in the body alone.
func (v *vault) rpc(ctx context.Context) error {
	token, _ := metadata.Get(ctx, "Authorization")
	return v.send(map[string]string{"Content-Type": "application/json-rpc", "Authorization": token, "Micro-Id": "1"},
		`{"method":"Vault.Open","params":[{"Text":"x"}],"id":"1"}`)
}

// send sends one message and returns the error in the reply.
func (v *vault) send(header map[string]string, body string) error {
	if header["Authorization"] == "" {
		delete(header, "Authorization")
	}
	c, err := v.anonymous.Options().Transport.Dial(v.service.Server().Options().Address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Send(&transport.Message{Header: header, Body: []byte(body)}); err != nil {
		return err
	}
	var m transport.Message
	if err := c.Recv(&m); err != nil {
		return err
	}
	if text, ok := metadata.Metadata(m.Header).Get("Micro-Error"); ok && text != "" {
		return microerrors.Parse(text)
	}
	return nil
}

// curl calls as an HTTP client does.
func (v *vault) curl(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+v.service.Server().Options().Address, strings.NewReader(`{"Text":"x"}`))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Micro-Endpoint", "Vault.Open")
	if token, ok := metadata.Get(ctx, "Authorization"); ok {
		req.Header.Set("Authorization", token)
	}
	req.Close = true
	rsp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil || rsp.StatusCode == http.StatusOK {
		return err
	}
	e := microerrors.Parse(string(body))
	if int(e.Code) != rsp.StatusCode {
		return fmt.Errorf("status %d with body %s", rsp.StatusCode, body)
	}
	return e
}

// ways are the ways into the vault. The value is whether a handler of this test
// notes who comes in.
func (v *vault) ways() map[string]func(context.Context) error {
	ways := map[string]func(context.Context) error{
		"unary":                func(ctx context.Context) error { return v.call(ctx, "Vault.Open") },
		"stream of the server": func(ctx context.Context) error { return v.stream(ctx, "Vault.Server") },
		"stream of the client": func(ctx context.Context) error { return v.stream(ctx, "Vault.Client") },
		"stream of both":       func(ctx context.Context) error { return v.stream(ctx, "Vault.Both") },
		"event of the broker":  v.publish,
		"event to the server":  v.event,
		"json-rpc":             v.rpc,
	}
	maps.Copy(ways, v.debug())
	if v.service.Options().Transport.String() == "http" {
		ways["curl"] = v.curl
	}
	return ways
}

// debug are the ways into the Debug handler that every server has.
func (v *vault) debug() map[string]func(context.Context) error {
	d := debug.NewDebugService(vaultName, v.anonymous)
	return map[string]func(context.Context) error{
		"Debug.Health": func(ctx context.Context) error { _, err := d.Health(ctx, new(debug.HealthRequest)); return err },
		"Debug.Stats":  func(ctx context.Context) error { _, err := d.Stats(ctx, new(debug.StatsRequest)); return err },
		"Debug.Trace":  func(ctx context.Context) error { _, err := d.Trace(ctx, new(debug.TraceRequest)); return err },
		"Debug.Log": func(ctx context.Context) error {
			s, err := d.Log(ctx, &debug.LogRequest{Count: 1})
			if err != nil {
				return err
			}
			defer s.Close()
			for err == nil {
				_, err = s.Recv()
			}
			if err == io.EOF {
				return nil
			}
			return err
		},
		"Debug.MessageBus": func(ctx context.Context) error {
			s, err := d.MessageBus(ctx)
			if err != nil {
				return err
			}
			defer s.Close()
			_ = s.Send(new(debug.BusMsg)) // a refused stream may have ended: Recv says why
			_, err = s.Recv()
			return err
		},
	}
}

func onTransports(t *testing.T, test func(t *testing.T, tr func() transport.Transport, newBroker func(...broker.Option) broker.Broker)) {
	t.Run("memory", func(t *testing.T) {
		tr, b := transport.NewMemoryTransport(), broker.NewMemoryBroker()
		test(t, func() transport.Transport { return tr }, func(opts ...broker.Option) broker.Broker {
			if err := b.Init(opts...); err != nil {
				t.Error(err)
			}
			return b
		})
	})
	for name, opts := range map[string][]transport.Option{"multiplexed": nil, "plain": {transport.DisableMux()}} {
		t.Run(name, func(t *testing.T) {
			test(t, func() transport.Transport { return transport.NewHTTPTransport(opts...) }, broker.NewBroker)
		})
	}
}

func TestNothingSlipsThroughIntoAGuardedService(t *testing.T) {
	onTransports(t, func(t *testing.T, tr func() transport.Transport, newBroker func(...broker.Option) broker.Broker) {
		private, public := signingKey(t)
		issuer := jwt.NewAuth(auth.Namespace("bank"), auth.PrivateKey(private))
		rules := jwt.NewRules()
		for _, res := range []*auth.Resource{
			{Type: "service", Name: vaultName, Endpoint: "*"}, {Type: "topic", Name: vaultTopic, Endpoint: vaultName},
		} {
			if err := rules.Grant(&auth.Rule{Scope: "teller", Resource: res}); err != nil {
				t.Fatal(err)
			}
		}
		v := newVault(t, tr, newBroker, micro.AuthRules(rules), micro.Auth(jwt.NewAuth(auth.Namespace("bank"), auth.PublicKey(public))))
		teller, guest := accessToken(t, issuer, "tess", "teller"), accessToken(t, issuer, "gus", "guest")
		foreign := accessToken(t, jwt.NewAuth(auth.Namespace("shop"), auth.PrivateKey(private)), "tess", "teller")
		expired, err := issuer.Token(auth.WithToken(teller.RefreshToken), auth.WithExpiry(-time.Second))
		if err != nil {
			t.Fatal(err)
		}
		for way, enter := range v.ways() {
			for _, who := range []struct {
				name, header string
				code         int32
			}{
				{"no token", "", 401},
				{"bad token", "Bearer " + teller.AccessToken + "x", 401},
				{"refresh token", "Bearer " + teller.RefreshToken, 401},
				{"expired token", "Bearer " + expired.AccessToken, 401},
				{"token of another issuer", "Bearer " + foreign.AccessToken, 401},
				{"other scheme", "Basic dGVzczp0ZXNz", 401},
				{"wrong scope", "Bearer " + guest.AccessToken, 403},
				{"right scope", "Bearer " + teller.AccessToken, 0},
				{"right scope, scheme in lower case", "bearer " + teller.AccessToken, 0},
			} {
				t.Run(way+"/"+who.name, func(t *testing.T) {
					v.entries.take()
					err := enter(withToken(t, who.header))
					came := v.entries.take()
					if who.code == 0 {
						if err != nil || came != "tess" && !strings.HasPrefix(way, "Debug.") {
							t.Errorf("got %v; in came %q", err, came)
						}
						return
					}
					if e, ok := microerrors.As(err); !ok || e.Code != who.code || e.Id != "go.micro.auth" {
						t.Errorf("got %v, want code %d", err, who.code)
					}
					if came != "" {
						t.Errorf("in came %q", came)
					}
					if err != nil && who.header != "" && strings.Contains(err.Error(), who.header[8:]) {
						t.Errorf("the error quotes the token: %v", err)
					}
				})
			}
		}
	})
}

func withToken(t *testing.T, header string) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	t.Cleanup(cancel)
	if header == "" {
		return ctx
	}
	return metadata.Set(ctx, "Authorization", header)
}

func TestWithoutRulesAnyAccountMayEnter(t *testing.T) {
	onTransports(t, func(t *testing.T, tr func() transport.Transport, newBroker func(...broker.Option) broker.Broker) {
		private, public := signingKey(t)
		guest := accessToken(t, jwt.NewAuth(auth.PrivateKey(private)), "gus")
		v := newVault(t, tr, newBroker, micro.Auth(jwt.NewAuth(auth.PublicKey(public))))
		for way, enter := range v.ways() {
			if err := enter(withToken(t, "Bearer "+guest.AccessToken)); err != nil {
				t.Errorf("%s: %v", way, err)
			}
			v.entries.take()
			if e, ok := microerrors.As(enter(withToken(t, ""))); !ok || e.Code != 401 {
				t.Errorf("%s: without a token: %v", way, e)
			}
			if came := v.entries.take(); came != "" {
				t.Errorf("%s: in came %q", way, came)
			}
		}
	})
}

// What a request says of the service and the endpoint is not what is verified.
func TestHeadersDoNotMoveARequestPastTheRules(t *testing.T) {
	private, public := signingKey(t)
	issuer := jwt.NewAuth(auth.PrivateKey(private))
	guest := "Bearer " + accessToken(t, issuer, "gus").AccessToken
	rules := jwt.NewRules()
	for _, rule := range []*auth.Rule{
		{Resource: &auth.Resource{Type: "service", Name: "lobby", Endpoint: "*"}},
		{Resource: &auth.Resource{Type: "service", Name: vaultName, Endpoint: "Lobby.Wait"}},
		{Resource: &auth.Resource{Type: "topic", Name: "lobby", Endpoint: "*"}},
	} {
		if err := rules.Grant(rule); err != nil {
			t.Fatal(err)
		}
	}
	tr := transport.NewHTTPTransport(transport.DisableMux())
	v := newVault(t, func() transport.Transport { return tr }, broker.NewBroker, micro.AuthRules(rules), micro.Auth(jwt.NewAuth(auth.PublicKey(public))))
	const open = `{"method":"Vault.Open","params":[{"Text":"x"}],"id":"1"}`
	for name, m := range map[string]struct {
		header map[string]string
		body   string
	}{
		"another service":              {map[string]string{"Micro-Service": "lobby", "Micro-Endpoint": "Vault.Open", "Content-Type": "application/json"}, `{}`},
		"another service, prefixed":    {map[string]string{"X-Micro-Service": "lobby", "X-Micro-Endpoint": "Vault.Open", "Content-Type": "application/json"}, `{}`},
		"another endpoint in the body": {map[string]string{"Micro-Endpoint": "Lobby.Wait", "Content-Type": "application/json-rpc"}, open},
		"another method in the body":   {map[string]string{"Micro-Method": "Lobby.Wait", "Content-Type": "application/json-rpc"}, open},
		"an endpoint in another case":  {map[string]string{"Micro-Endpoint": "vault.open", "Content-Type": "application/json"}, `{}`},
		"a path":                       {map[string]string{"Micro-Endpoint": "Lobby.Wait/../Vault.Open", "Content-Type": "application/json"}, `{}`},
		"two endpoints":                {map[string]string{"Micro-Endpoint": "Vault.Open", "X-Micro-Endpoint": "Lobby.Wait", "Content-Type": "application/json"}, `{}`},
		"an account in the headers":    {map[string]string{"Micro-Endpoint": "Vault.Open", "Micro-Account": "tess", "Micro-From-Service": "bank", "Content-Type": "application/json"}, `{}`},
	} {
		for _, token := range []string{"", guest} {
			m.header["Micro-Id"], m.header["Authorization"] = "7", token
			_ = v.send(m.header, m.body) // it may reach the lobby
			if came := v.entries.take(); came != "" {
				t.Errorf("%s: in came %q", name, came)
			}
		}
	}
}

func TestAgRPCRequestIsServedByTheEndpointThatIsVerified(t *testing.T) {
	_, public := signingKey(t)
	rules := jwt.NewRules()
	if err := rules.Grant(&auth.Rule{Resource: &auth.Resource{Type: "service", Name: "*", Endpoint: "Lobby.Wait"}}); err != nil {
		t.Fatal(err)
	}
	tr := transport.NewHTTPTransport()
	v := newVault(t, func() transport.Transport { return tr }, broker.NewBroker, micro.AuthRules(rules), micro.Auth(jwt.NewAuth(auth.PublicKey(public))))
	for _, header := range [][]string{nil, {"micro-endpoint", "Lobby.Wait"}, {"x-micro-endpoint", "Lobby.Wait", "micro-service", "vault"}} {
		c := testkit.DialH2(t, v.service.Server().Options().Address)
		b, stream := c.Open(nil, false, "/x.Vault/Open", append(header, "content-type", "application/grpc+json", "te", "trailers")...)
		b = testkit.AppendFrame(b, testkit.H2Data, testkit.H2EndStream, stream, []byte("\x00\x00\x00\x00\x02{}"))
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		for {
			f, err := c.ReadFrame()
			if err != nil || f.Stream == stream && (f.Kind == testkit.H2Reset || f.Kind <= testkit.H2Headers && f.Flags&testkit.H2EndStream != 0) {
				break
			}
		}
		if came := v.entries.take(); came != "" {
			t.Errorf("%q: in came %q", header, came)
		}
	}
}

func TestAHugeTokenIsRefused(t *testing.T) {
	_, public := signingKey(t)
	v := newVault(t, func() transport.Transport { return transport.NewHTTPTransport() }, broker.NewBroker, micro.Auth(jwt.NewAuth(auth.PublicKey(public))))
	for _, size := range []int{17 << 10, 1 << 20} {
		if err := v.call(withToken(t, "Bearer "+strings.Repeat("x", size)), "Vault.Open"); err == nil {
			t.Errorf("one of %d bytes was let through", size)
		}
	}
	if came := v.entries.take(); came != "" {
		t.Errorf("in came %q", came)
	}
}

// The error travels as go-micro v4 expects it.
func TestARefusalHasTheFormOfV4(t *testing.T) {
	_, public := signingKey(t)
	v := newVault(t, func() transport.Transport { return transport.NewHTTPTransport() }, broker.NewBroker, micro.Auth(jwt.NewAuth(auth.PublicKey(public))))
	err := v.call(t.Context(), "Vault.Open")
	var e microerrors.Error
	if json.Unmarshal([]byte(err.Error()), &e) != nil || e.Code != 401 || e.Status != "Unauthorized" || e.Id == "" || e.Detail == "" {
		t.Errorf("got %v", err)
	}
}
