package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// readerTransport hands the test what serves the exchanges of connections, in place
// of reading any.
type readerTransport struct {
	transport.Transport
	serving chan wire.Server
}

func (t *readerTransport) Listen(addr string, opts ...transport.ListenOption) (transport.Listener, error) {
	l, err := t.Transport.Listen(addr, opts...)
	return &readerListener{l, t.serving}, err
}

type readerListener struct {
	transport.Listener
	serving chan wire.Server
}

func (l *readerListener) AcceptExchanges(fn func(transport.Socket), s wire.Server) error {
	l.serving <- s
	return l.Accept(fn)
}

// readExchange is a call that notes who sends its reply, and how large that is.
type readExchange struct {
	wire.Exchange
	sender chan string
	size   int
}

func (x *readExchange) Single() bool     { return true }
func (x *readExchange) OnEnd(wire.Ender) {}
func (x *readExchange) Interrupt(error)  {}
func (x *readExchange) Consumed()        {}
func (x *readExchange) Close() error     { return nil }

func (x *readExchange) SendFields(_ []wire.Field, body []byte) error {
	x.size = len(body)
	x.sender <- goroutine()
	return nil
}

// goroutine names the goroutine that calls it.
func goroutine() string {
	b := make([]byte, 64)
	name, _, _ := strings.Cut(string(b[:runtime.Stack(b, false)]), " [")
	return name
}

// Resizer answers with a text of the size that it is asked for.
type Resizer struct{}

type Resize struct {
	Reply   int    `json:"reply"`
	Padding string `json:"padding"`
}

func (Resizer) Resize(_ context.Context, req *Resize, rsp *Text) error {
	rsp.Text = strings.Repeat("x", req.Reply)
	return nil
}

// Whoever reads a connection serves the calls of a quick handler as well, but none
// that has to wait until a large reply is sent: meanwhile nothing would be read.
func TestTheReaderOfAConnectionServesNothingThatWaitsForALargeReply(t *testing.T) {
	tr := &readerTransport{transport.NewMemoryTransport(), make(chan wire.Server, 1)}
	s := newServer(t, server.Transport(tr))
	handle(t, s, new(Resizer))
	start(t, s)
	conn := (<-tr.serving).Connect("here", "there")
	defer conn.End()
	// serve has a call served by the reader, and reports whether it did that itself.
	serve := func(t *testing.T, contentType string, request, reply int) bool {
		t.Helper()
		body, _ := json.Marshal(Resize{reply, strings.Repeat("x", request)})
		h := jsonHeader("Resizer.Resize", "1")
		if contentType != "application/json" {
			h["Content-Type"] = contentType
			body = fmt.Appendf(nil, `{"method":"Resizer.Resize","params":[%s],"id":"1"}`, body)
		}
		x := &readExchange{sender: make(chan string, 1)}
		conn.Serve(x, wire.MapHeader(h), body, true)
		sender := within(t, "the reply", x.sender)
		if x.size < reply {
			t.Fatalf("the reply has %d bytes, not %d", x.size, reply)
		}
		return sender == goroutine()
	}
	const large = 100 << 10
	for _, contentType := range []string{"application/json", "application/json-rpc"} { // without and with a map of headers
		t.Run(contentType, func(t *testing.T) {
			server.SetQuick(s, "Resizer.Resize")
			if !serve(t, contentType, 1, 1) {
				t.Error("the reader does not serve a small call")
			}
			server.SetQuick(s, "Resizer.Resize")
			if serve(t, contentType, large, 1) {
				t.Error("the reader serves a large request")
			}
			server.SetQuick(s, "Resizer.Resize")
			serve(t, contentType, 1, large) // nobody can know
			if serve(t, contentType, 1, large) {
				t.Error("the reader serves an endpoint whose replies are large")
			}
		})
	}
}
