package client_test

import (
	"context"
	stderrors "errors"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

// wantError checks an error. That of a timeout goes on after the given detail.
func wantError(t *testing.T, err error, id string, code int32, detail string) {
	t.Helper()
	e, ok := err.(*errors.Error)
	if !ok {
		t.Fatalf("error is %T %v, want *errors.Error", err, err)
	}
	told := e.Detail == detail || strings.HasPrefix(detail, "call timeout: ") && strings.HasPrefix(e.Detail, detail+": ")
	if e.Id != id || e.Code != code || !told {
		t.Errorf("error is %v, want id %s, code %d, detail %q", e, id, code, detail)
	}
}

func TestErrorsOfACallSayWhatFailed(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	broken := stderrors.New("100% broken")
	for _, e := range []struct {
		name   string
		nodes  *fixedNodes
		opts   []client.CallOption
		ctx    context.Context
		id     string
		code   int32
		detail string
	}{
		{"selector not found", &fixedNodes{selects: selector.ErrNotFound}, nil, nil,
			"go.micro.client", 500, "service greeter: not found in the registry; is it running, and on the same network?"},
		{"select failure", &fixedNodes{selects: broken}, nil, nil,
			"go.micro.client", 500, "error selecting greeter node: 100% broken"},
		{"next not found", &fixedNodes{next: selector.ErrNotFound}, nil, nil,
			"go.micro.client", 500, "service greeter: not found"},
		{"next failure", &fixedNodes{next: broken}, nil, nil,
			"go.micro.client", 500, "error getting next greeter node: 100% broken"},
		{"next without a node", &fixedNodes{nodes: []*registry.Node{nil}}, nil, nil,
			"go.micro.client", 500, "error getting next greeter node: none available"},
		{"backoff error", nodesAt(p.addr), []client.CallOption{client.WithBackoff(
			func(context.Context, client.Request, int) (time.Duration, error) { return 0, broken })}, nil,
			"go.micro.client", 500, "backoff error: 100% broken"},
		{"dial", nodesAt("127.0.0.1:1"), nil, nil,
			"go.micro.client", 500, "connection error: "},
		{"context done before", nodesAt(p.addr), nil, canceled,
			"go.micro.client", 408, "context canceled"},
	} {
		t.Run(e.name, func(t *testing.T) {
			c := newClient(t, tr, client.Selector(e.nodes))
			if e.ctx == nil {
				e.ctx = context.Background()
			}
			_, err := call(e.ctx, c, "", e.opts...)
			if e.name == "dial" {
				got := errors.FromError(err)
				if !strings.HasPrefix(got.Detail, e.detail) {
					t.Errorf("detail is %q", got.Detail)
				}
				e.detail = got.Detail
			}
			wantError(t, err, e.id, e.code, e.detail)
		})
	}
}

func TestAnUnknownContentTypeIsAnError(t *testing.T) {
	tr := transport.NewMemoryTransport()
	c := newClient(t, tr)
	req := c.NewRequest("greeter", "Greeter.Hello", nil, client.WithContentType("application/x"))
	err := c.Call(context.Background(), req, nil, client.WithAddress("a:1"))
	wantError(t, err, "go.micro.client", 500, "unsupported Content-Type: application/x")
}

func TestErrorsOfCodecsHaveAnIdOfTheirOwn(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
		return s.Send(&transport.Message{Header: replyHeader(m), Body: []byte("{")})
	})
	c := newClient(t, tr)
	req := c.NewRequest("greeter", "Greeter.Hello", make(chan int))
	if e := errors.FromError(c.Call(context.Background(), req, nil, client.WithAddress(p.addr))); e.Id != "go.micro.client.codec" || e.Code != 500 {
		t.Errorf("encoding failed with %v", e)
	}
	_, err := call(context.Background(), c, p.addr)
	if e := errors.FromError(err); e.Id != "go.micro.client.codec" || e.Code != 500 {
		t.Errorf("decoding failed with %v", e)
	}
}

func TestALostSocketIsAnErrorOfTheTransport(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, hangUp)
	_, err := call(context.Background(), newClient(t, tr), p.addr)
	wantError(t, err, "go.micro.client.transport", 500, "EOF")
}

func TestHTTPRefusalIsTheError(t *testing.T) {
	addr := newV4Server(t, func(*v4Request) *v4Reply {
		return &v4Reply{status: "500 Internal Server Error", body: "an error occurred"}
	}).addr
	_, err := call(context.Background(), newClient(t, transport.NewHTTPTransport()), addr)
	wantError(t, err, "go.micro.client.transport", 500, "500 Internal Server Error: an error occurred")
}

func TestAPanicWhileSendingIsAnErrorOfThatCall(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	c := newClient(t, tr)
	_, err := call(context.Background(), newClient(t, panicking{tr}), p.addr)
	wantError(t, err, "go.micro.client", 500, "panic recovered: 100% wrong")

	req := c.NewRequest("greeter", "Greeter.Hello", panicBody{})
	err = c.Call(context.Background(), req, nil, client.WithAddress(p.addr))
	if e := errors.FromError(err); e.Code != 500 {
		t.Errorf("a panic of the body's own encoding gave %v", err)
	}
	if _, err := call(context.Background(), c, p.addr); err != nil {
		t.Errorf("the next call failed: %v", err)
	}
}

type panicBody struct{}

func (panicBody) MarshalJSON() ([]byte, error) { panic("100% wrong") }

type panicking struct{ transport.Transport }

func (p panicking) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	c, err := p.Transport.Dial(addr, opts...)
	return panickingConn{c}, err
}

type panickingConn struct{ transport.Client }

func (panickingConn) Send(*transport.Message) error { panic("100% wrong") }

func TestRemoteErrorsKeepTheirText(t *testing.T) {
	tr := transport.NewMemoryTransport()
	t.Run("plain text", func(t *testing.T) {
		p := newPeer(t, tr, fail("it is 100% broken"))
		_, err := call(context.Background(), newClient(t, tr), p.addr)
		if err == nil || err.Error() != "it is 100% broken" {
			t.Fatalf("got %v", err)
		}
		var e *errors.Error
		if !stderrors.As(err, &e) || e.Detail != "it is 100% broken" {
			t.Errorf("errors.As found %v", e)
		}
	})
	t.Run("error of a handler", func(t *testing.T) {
		sent := errors.NotFound("greeter", "nobody is called %s", "Ada")
		p := newPeer(t, tr, fail(sent.Error()))
		_, err := call(context.Background(), newClient(t, tr), p.addr)
		if err == nil || err.Error() != sent.Error() {
			t.Fatalf("got %v", err)
		}
		if !stderrors.Is(err, sent) {
			t.Errorf("%v is not %v", err, sent)
		}
		if e, ok := err.(*errors.Error); !ok || e.Code != 404 {
			t.Errorf("got %T %v", err, err)
		}
	})
}
