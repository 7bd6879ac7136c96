package client_test

import (
	"context"
	"crypto/tls"
	stderrors "errors"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
	mls "github.com/justcy/go-micro/v4/util/tls"
)

// unverified makes a transport speak TLS, and take any certificate.
func unverified(t testing.TB) transport.Option {
	t.Helper()
	own, err := mls.Certificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return transport.TLSConfig(&tls.Config{Certificates: []tls.Certificate{own}, InsecureSkipVerify: true}) //nolint:gosec // of the test itself
}

// That a node takes no message of a size says nothing about the node: it is called on,
// and no other one is tried.
func TestAMessageTooLargeForItsNodeIsRefusedOnceAndBlamesNobody(t *testing.T) {
	for name, opts := range map[string][]transport.Option{
		"HTTP":            {transport.DisableMux()},
		"HTTPS":           {transport.DisableMux(), unverified(t)},
		"multiplexed":     nil,
		"multiplexed TLS": {unverified(t)},
	} {
		t.Run(name, func(t *testing.T) {
			narrow := transport.NewHTTPTransport(append(opts, transport.MaxMessageSize(1<<20))...)
			nodes := nodesAt(newPeer(t, narrow, echo).addr, newPeer(t, narrow, echo).addr)
			c := newClient(t, transport.NewHTTPTransport(opts...), client.Selector(nodes), client.Retries(5), client.Backoff(nil))
			for range 2 { // on a new connection, and on one that stands
				marks := len(nodes.marked())
				req := c.NewRequest("greeter", "Greeter.Hello", &echoBody{strings.Repeat("x", 2<<20)})
				err := c.Call(context.Background(), req, nil)
				if !stderrors.Is(err, transport.ErrMessageTooLarge) {
					t.Errorf("the error is %v", err)
				}
				added := nodes.marked()[marks:]
				if len(added) != 1 || stderrors.Is(added[0].err, selector.ErrUnreachable) {
					t.Errorf("marked %+v, want one attempt that says nothing about the node", added)
				}
				if _, err := call(context.Background(), c, ""); err != nil {
					t.Errorf("then a small call: %v", err)
				}
			}
		})
	}
}
