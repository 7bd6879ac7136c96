package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

// No lock of a client is held while it calls code of others.
func TestWhatAClientCallsMayUseTheClient(t *testing.T) {
	uses := map[string]func(client.Client){
		"Options": func(c client.Client) { _ = c.Options() },
		"Init":    func(c client.Client) { _ = c.Init(client.Retries(1)) },
		"Call": func(c client.Client) {
			_ = c.Call(context.Background(), c.NewRequest("greeter", "Greeter.Hello", &echoBody{}), nil, client.WithAddress("127.0.0.1:1"), client.WithRetries(0))
		},
	}
	places := map[string]func(use func()) client.Option{
		"an option": func(use func()) client.Option { return func(*client.Options) { use() } },
		"a call wrapper": func(use func()) client.Option {
			return client.WrapCall(func(next client.CallFunc) client.CallFunc { use(); return next })
		},
		"Retry": func(use func()) client.Option {
			return client.Retry(func(context.Context, client.Request, int, error) (bool, error) { use(); return false, nil })
		},
		"Backoff": func(use func()) client.Option {
			return client.Backoff(func(context.Context, client.Request, int) (time.Duration, error) { use(); return 0, nil })
		},
		"the selector": func(use func()) client.Option {
			return client.Selector(usingSelector{selectorOf(t, "127.0.0.1:1"), use})
		},
		"the transport": func(use func()) client.Option {
			return client.Transport(usingTransport{transport.NewMemoryTransport(), use})
		},
	}
	for place, option := range places {
		for name, use := range uses {
			t.Run(name+" in "+place, func(t *testing.T) {
				tr := transport.NewMemoryTransport()
				p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
					return fail(errors.Timeout("greeter", "again").Error())(s, m)
				})
				c := newClient(t, tr, client.Retries(1), client.Selector(selectorOf(t, p.addr)))
				called := 0 // again because of what it does, for some time
				done := make(chan struct{})
				go func() {
					defer close(done)
					err := c.Init(option(func() {
						if called++; called <= 5 {
							use(c)
						}
					}))
					if err != nil {
						t.Errorf("init: %v", err)
					}
					_, _ = call(context.Background(), c, p.addr)
					_, _ = call(context.Background(), c, "")
				}()
				select {
				case <-done:
				case <-time.After(testkit.Patience):
					t.Fatal("deadlock")
				}
				if called == 0 {
					t.Error("it was not called")
				}
			})
		}
	}
}

type usingSelector struct {
	selector.Selector
	use func()
}

func (s usingSelector) Select(service string, opts ...selector.SelectOption) (selector.Next, error) {
	s.use()
	return s.Selector.Select(service, opts...)
}

func (s usingSelector) Mark(service string, node *registry.Node, err error) {
	s.use()
	s.Selector.Mark(service, node, err)
}

type usingTransport struct {
	transport.Transport
	use func()
}

func (tr usingTransport) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	tr.use()
	return tr.Transport.Dial(addr, opts...)
}
