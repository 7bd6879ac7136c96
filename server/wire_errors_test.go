package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// failing is what the handler of TestErrorsReachTheirCallersAsErrorsWithACode
// returns for the name of a case.
var failing = map[string]error{
	"plain":    errors.New("it broke"),
	"coded":    microerrors.Conflict("shop", "sold"),
	"wrapped":  fmt.Errorf("buying: %w", microerrors.Conflict("shop", "sold")),
	"deadline": fmt.Errorf("asking the shop: %w", context.DeadlineExceeded),
	"canceled": context.Canceled,
}

func TestErrorsReachTheirCallersAsErrorsWithACode(t *testing.T) {
	for name, tr := range map[string]transport.Transport{
		"mux": transport.NewHTTPTransport(), "http": transport.NewHTTPTransport(transport.DisableMux()), "memory": transport.NewMemoryTransport(),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, server.Transport(tr), server.Id("1"))
			handle(t, s, Failer{})
			start(t, s)
			o := s.Options()
			c := client.NewClient(client.Registry(o.Registry), client.Transport(o.Transport), client.Broker(o.Broker),
				client.ContentType("application/json"), client.Retries(0))
			t.Cleanup(func() { _ = c.Options().Selector.Close() })
			for _, e := range []struct {
				endpoint, text string
				body           any
				code           int32
				detail         []string
			}{
				{"Failer.Do", "it broke", &Text{"plain"}, 0, []string{"it broke"}},
				{"Failer.Do", `{"id":"shop","code":409,"detail":"sold","status":"Conflict"}`, &Text{"coded"}, 409, []string{"sold"}},
				{"Failer.Do", `{"id":"shop","code":409,"detail":"buying: `, &Text{"wrapped"}, 409, []string{"buying: ", "sold"}},
				{"Failer.Do", "asking the shop: context deadline exceeded", &Text{"deadline"}, 408, []string{"asking the shop"}},
				{"Failer.Do", "context canceled", &Text{"canceled"}, 408, nil},
				{"Nobody.Call", "rpc: can't find service Nobody", &Text{}, 404, []string{`"Nobody.Call"`, `service "test"`, "node test-1", "no handler Nobody"}},
				{"Failer.None", "rpc: can't find method None", &Text{}, 404, []string{`"Failer.None"`, `service "test"`, "node test-1", "no method None"}},
				{"Failer", "rpc: service/endpoint request ill-formed: Failer", &Text{}, 400, []string{`"Failer"`, "node test-1", "Type.Method"}},
				{"Failer.Do", "rpc: router cannot decode request: ", []int{1}, 400, []string{`"Failer.Do"`, "node test-1", "cannot be decoded"}},
			} {
				err := c.Call(t.Context(), c.NewRequest("test", e.endpoint, e.body), new(Text))
				if err == nil || !strings.HasPrefix(err.Error(), e.text) {
					t.Errorf("%s %v: the text is %v, want that of v4, %s", e.endpoint, e.body, err, e.text)
					continue
				}
				got, ok := microerrors.As(err)
				if !ok || e.code != 0 && got.Code != e.code {
					t.Errorf("%s %v: the code is %v, want %d", e.endpoint, e.body, got, e.code)
					continue
				}
				for _, part := range e.detail {
					if !strings.Contains(got.Detail, part) {
						t.Errorf("%s %v: the detail is %q, want one with %q", e.endpoint, e.body, got.Detail, part)
					}
				}
			}
		})
	}
}

// Failer returns the errors of failing.
type Failer struct{}

func (Failer) Do(_ context.Context, req *Text, _ *Text) error { return failing[req.Text] }

func TestErrorsOfARouterHaveACode(t *testing.T) {
	r := server.NewRouter()
	if err := r.Handle(r.NewHandler(newEcho())); err != nil {
		t.Fatal(err)
	}
	for endpoint, code := range map[string]int32{"Echo.No": 404, "No.Call": 404, "": 400} {
		x := newRouted(t, endpoint, "application/json", `{}`)
		err := r.ServeRequest(context.Background(), x.request(), x.response())
		if e, ok := microerrors.As(err); !ok || e.Code != code {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestADecodeErrorKeepsItsCause(t *testing.T) {
	r := server.NewRouter()
	if err := r.Handle(r.NewHandler(newEcho())); err != nil {
		t.Fatal(err)
	}
	x := newRouted(t, "Echo.Call", "application/json", `{`)
	err := r.ServeRequest(context.Background(), x.request(), x.response())
	if err == nil || !strings.HasPrefix(err.Error(), "rpc: router cannot decode request: ") || !strings.Contains(err.Error(), "unexpected") {
		t.Errorf("the error is %v", err)
	}
}
