package micro_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/router"
	routes "github.com/justcy/go-micro/v4/api/router/registry"
	apiserver "github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/jwt"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/wrapper"
)

// The row of the gateway in the matrix: it passes the token of its client on, the
// service decides, and what a client says in headers of the framework stays outside.
func TestNothingSlipsThroughTheGatewayIntoAGuardedService(t *testing.T) {
	private, public := signingKey(t)
	issuer := jwt.NewAuth(auth.PrivateKey(private))
	rules := jwt.NewRules()
	for _, rule := range []*auth.Rule{
		{Scope: "teller", Resource: &auth.Resource{Type: "service", Name: "go.micro.vault", Endpoint: "*"}},
		{Resource: &auth.Resource{Type: "service", Name: "*", Endpoint: "Lobby.Wait"}},
	} {
		if err := rules.Grant(rule); err != nil {
			t.Fatal(err)
		}
	}
	tr := transport.NewMemoryTransport()
	v := newVault(t, func() transport.Transport { return tr }, func(...broker.Option) broker.Broker { return broker.NewMemoryBroker() },
		micro.Name("go.micro.vault"), micro.AuthRules(rules), micro.Auth(jwt.NewAuth(auth.PublicKey(public))))
	// What the gateway may by itself is not lent to its clients.
	own := jwt.NewAuth(auth.PublicKey(public), auth.ClientToken(accessToken(t, issuer, "gateway", "teller")))
	url := gateway(t, v, wrapper.AuthCall(func() auth.Auth { return own }, v.anonymous))

	post := func(path, token string, headers ...string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+path, strings.NewReader(`{"Text":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			req.Header.Add(headers[i], headers[i+1])
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		rsp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer rsp.Body.Close()
		body, err := io.ReadAll(rsp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return rsp.StatusCode, string(body)
	}
	teller, guest := accessToken(t, issuer, "tess", "teller").AccessToken, accessToken(t, issuer, "gus", "guest").AccessToken
	for name, tc := range map[string]struct {
		token string
		code  int
	}{"no token": {"", 401}, "bad token": {teller + "x", 401}, "wrong scope": {guest, 403}, "right scope": {teller, 200}} {
		code, body := post("/vault/Vault/Open", tc.token)
		if code != tc.code || tc.token != "" && strings.Contains(body, tc.token) {
			t.Errorf("%s: %d %s", name, code, body)
		}
		if came := v.entries.take(); (came == "tess") != (tc.code == 200) || came != "" && came != "tess" {
			t.Errorf("%s: in came %q", name, came)
		}
	}
	for name, headers := range map[string][]string{
		"an endpoint":           {"Micro-Endpoint", "Lobby.Wait", "Micro-Method", "Lobby.Wait"},
		"an endpoint, prefixed": {"X-Micro-Endpoint", "Lobby.Wait"},
		"a service":             {"Micro-Service", "lobby", "X-Micro-Service", "lobby"},
		"a topic":               {"Micro-Topic", vaultTopic},
		"two tokens":            {"Authorization", "Bearer " + guest, "Authorization", "Bearer x"},
	} {
		post("/vault/Vault/Open", "", headers...)
		if came := v.entries.take(); came != "" {
			t.Errorf("%s: in came %q", name, came)
		}
	}
}

// gateway runs a gateway to a vault, which calls with c, and returns its URL.
func gateway(t *testing.T, v *vault, c client.Client) string {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	a := api.NewApi(
		api.WithAddress(addr), api.WithRouter(routes.NewRouter(router.WithRegistry(v.service.Options().Registry))),
		api.WithHandler(handler.WithClient(c)), api.WithServer(apiserver.AccessLog(nil)))
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- a.Run(ctx) }()
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	testkit.Listens(t, addr)
	return "http://" + addr
}
