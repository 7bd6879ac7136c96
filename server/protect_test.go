package server_test

import (
	"context"
	"testing"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// A name that is misspelt would leave the endpoint open.
func TestRulesForAnEndpointThatIsNotThereAreRefused(t *testing.T) {
	for endpoint, fits := range map[string]bool{"Echo.Call": true, "Echo.Cal": false, "echo.call": false, "Other.Call": false, "*": false, "": false} {
		s := newServer(t)
		err := s.Handle(s.NewHandler(newEcho(), server.EndpointRules(endpoint, &auth.Rule{Scope: "admin"})))
		if (err == nil) != fits {
			t.Errorf("%q: got %v", endpoint, err)
		}
	}
}

func TestASenderDoesNotSayWhereAMessageComesFrom(t *testing.T) {
	for name, tr := range map[string]func() transport.Transport{
		"memory":      func() transport.Transport { return transport.NewMemoryTransport() },
		"multiplexed": func() transport.Transport { return transport.NewHTTPTransport() },
		"plain":       func() transport.Transport { return transport.NewHTTPTransport(transport.DisableMux()) },
	} {
		t.Run(name, func(t *testing.T) {
			s, from := newServer(t, server.Transport(tr())), make(chan string, 1)
			subscribe(t, s, "news", func(ctx context.Context, _ *Text) error {
				remote, _ := metadata.Get(ctx, "Remote")
				from <- remote
				return nil
			})
			start(t, s)
			lie := map[string]string{"Micro-Topic": "news", "Content-Type": "application/json", "Remote": "203.0.113.1:1", "remote": "203.0.113.1:1"}
			p := dial(t, s)
			if err := p.conn.Send(&transport.Message{Header: lie, Body: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
			if got := <-from; got != p.conn.Local() {
				t.Errorf("straight to the server: from %q, want %q", got, p.conn.Local())
			}
			if err := publish(s, "news", &broker.Message{Header: lie, Body: []byte("{}")}); err != nil {
				t.Fatal(err)
			}
			if got := <-from; got != "" {
				t.Errorf("by the broker: from %q", got)
			}
		})
	}
}
