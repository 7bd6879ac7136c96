package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// pipes is the HTTP transport whose listener accepts pipes.
type pipes struct {
	transport.Transport
	conns *testkit.Pipes
}

func newPipes() *pipes { return &pipes{transport.NewHTTPTransport(), testkit.NewPipes()} }

func (p *pipes) Listen(addr string, opts ...transport.ListenOption) (transport.Listener, error) {
	return p.Transport.Listen(addr, append(opts, transport.NetListener(p.conns))...)
}

// pipelined runs a test with an HTTP connection to a server where time is simulated.
func pipelined(t *testing.T, handler any, test func(t *testing.T, conn net.Conn, srv server.Server), opts ...server.Option) {
	t.Helper()
	inTime(t, func(t *testing.T, s *timed) {
		p := newPipes()
		srv := s.server(append(opts, server.Transport(p))...)
		handle(t, srv, handler)
		start(t, srv)
		conn := p.conns.Dial()
		defer func() { // also of a test that fails
			conn.Close()
			if err := srv.Stop(); err != nil {
				t.Errorf("stop: %v", err)
			}
		}()
		test(t, conn, srv)
	})
}

// unnamed is a request without an id; pairs are further headers.
func unnamed(endpoint, contentType, body string, pairs ...string) string {
	more := ""
	for i := 0; i < len(pairs); i += 2 {
		more += pairs[i] + ": " + pairs[i+1] + "\r\n"
	}
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nMicro-Service: test\r\nMicro-Endpoint: %s\r\n%sContent-Length: %d\r\n\r\n%s",
		contentType, endpoint, more, len(body), body)
}

func unnamedText(endpoint, text string) string {
	return unnamed(endpoint, "application/json", fmt.Sprintf(`{"text":%q}`, text))
}

// readReply returns the status and the body of the next reply.
func readReply(t *testing.T, in *bufio.Reader) (int, string) {
	t.Helper()
	rsp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rsp.StatusCode, string(body)
}

// Gate lets requests pass that were let in.
type Gate struct {
	entered atomic.Int64
	open    chan struct{}
}

func (g *Gate) Pass(ctx context.Context, req, rsp *Text) error {
	g.entered.Add(1)
	rsp.Text = req.Text
	select {
	case <-g.open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Whatever the answer is and whoever gives it, it follows those to the requests
// before it: a client that gives no ids can tell replies by nothing else.
func TestRefusalsOfPipelinedRequestsKeepTheirOrder(t *testing.T) {
	for name, e := range map[string]struct {
		request string
		status  int
	}{
		"content type that nobody knows": {unnamed("Gate.Pass", "text/unknown", "{}"), http.StatusUnsupportedMediaType},
		"endpoint that there is not":     {unnamedText("Gate.None", ""), http.StatusNotFound},
		"overlong name":                  {unnamedText(strings.Repeat("x", 2<<10), ""), http.StatusBadRequest},
		"body that cannot be decoded":    {unnamed("Gate.Pass", "application/json", "{"), http.StatusBadRequest},
		"message on a topic":             {unnamed("", "application/json", "{}", "Micro-Topic", "news"), http.StatusOK},
		"page that there is not":         {"GET /none HTTP/1.1\r\nHost: x\r\n\r\n", http.StatusBadRequest},
	} {
		t.Run(name, func(t *testing.T) {
			gate := &Gate{}
			pipelined(t, gate, func(t *testing.T, conn net.Conn, _ server.Server) {
				gate.open = make(chan struct{}, 1)
				go io.WriteString(conn, unnamedText("Gate.Pass", "first")+e.request) //nolint:errcheck // the replies tell
				time.AfterFunc(time.Second, func() { gate.open <- struct{}{} })
				in := bufio.NewReader(conn)
				if status, body := readReply(t, in); status != http.StatusOK || !strings.Contains(body, "first") {
					t.Fatalf("the first request gets %d %s", status, body)
				}
				if status, body := readReply(t, in); status != e.status {
					t.Errorf("the second request gets %d %s, want %d", status, body, e.status)
				}
			})
		})
	}
}

func TestManyPipelinedRequestsAreAnsweredInOrderAFewAtATime(t *testing.T) {
	const requests, sideBySide = 5000, 64
	gate := &Gate{}
	pipelined(t, gate, func(t *testing.T, conn net.Conn, _ server.Server) {
		gate.open = make(chan struct{})
		go func() {
			for i := range requests {
				if _, err := io.WriteString(conn, unnamedText("Gate.Pass", fmt.Sprint(i))); err != nil {
					t.Errorf("request %d: %v", i, err)
					return
				}
			}
		}()
		time.Sleep(time.Hour)
		if n := gate.entered.Load(); n != sideBySide {
			t.Errorf("%d requests are in handlers at a time, want %d", n, sideBySide)
		}
		close(gate.open)
		in := bufio.NewReader(conn)
		for i := range requests {
			if status, body := readReply(t, in); status != http.StatusOK || !strings.Contains(body, fmt.Sprintf("%q", fmt.Sprint(i))) {
				t.Fatalf("request %d gets %d %s", i, status, body)
			}
		}
	})
}

func TestPipelinedRequestsThatAreCutOffAreToldInOrder(t *testing.T) {
	gate := &Gate{} // which never opens
	pipelined(t, gate, func(t *testing.T, conn net.Conn, srv server.Server) {
		go io.WriteString(conn, unnamedText("Gate.Pass", "first")+unnamedText("Gate.Pass", "second")) //nolint:errcheck // the replies tell
		time.Sleep(time.Second)
		stopped := make(chan error, 1)
		go func() { stopped <- srv.Stop() }()
		in := bufio.NewReader(conn)
		for range 2 {
			if status, body := readReply(t, in); status != http.StatusServiceUnavailable {
				t.Errorf("a request gets %d %s", status, body)
			}
		}
		if err := <-stopped; err != nil {
			t.Errorf("stop: %v", err)
		}
	}, server.DrainTimeout(-1))
}

// Large answers with many bytes, and counts how often.
type Large struct{ served atomic.Int64 }

const largeReply = 1 << 20

func (l *Large) Call(_ context.Context, _, rsp *bytes.Frame) error {
	l.served.Add(1)
	rsp.Data = make([]byte, largeReply)
	return nil
}

// A few bytes may ask for megabytes. Who does not take them is not served on.
func TestRepliesThatAreNotReceivedAreBoundedInBytes(t *testing.T) {
	const requests = 170
	const room, more = 64 << 20 / largeReply, 16 // begun when there was room
	header := header{"Content-Type": "application/octet-stream", "Micro-Service": "test", "Micro-Endpoint": "Large.Call"}
	insecure := []transport.DialOption{transport.WithStream(), transport.WithInsecureSkipVerify(true)}
	for name, e := range map[string]struct {
		tr   transport.Transport
		id   string // the header with the id of a request
		sent int    // which wait at the client's end
	}{
		"memory":           {transport.NewMemoryTransport(), "Micro-ID", 64},
		"HTTP":             {transport.NewHTTPTransport(transport.DisableMux()), "Micro-ID", 10},
		"HTTP of the web":  {transport.NewHTTPTransport(transport.DisableMux()), "", 10},
		"HTTPS of the web": {transport.NewHTTPTransport(transport.DisableMux(), transport.Secure(true)), "", 10},
	} {
		t.Run(name, func(t *testing.T) {
			large := new(Large)
			s := newServer(t, server.Transport(e.tr))
			handle(t, s, large)
			start(t, s)
			c, err := e.tr.Dial(s.Options().Address, insecure...)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			go func() {
				for i := range requests {
					h := maps.Clone(header)
					if e.id != "" {
						h[e.id] = fmt.Sprint(i)
					}
					c.Send(&transport.Message{Header: h, Body: []byte("{}")}) //nolint:errcheck // the replies tell
				}
			}()
			testkit.Eventually(t, "the room is used up", func() bool { return large.served.Load() >= room })
			time.Sleep(time.Second) // for more of them, if there may be more
			n := large.served.Load()
			if n > int64(room+more+e.sent) {
				t.Errorf("%d replies of %d bytes wait to be sent", n, largeReply)
			}
			for i := range 50 {
				var m transport.Message
				if err := c.Recv(&m); err != nil || len(m.Body) < largeReply {
					t.Fatalf("reply %d has %d bytes, %v", i, len(m.Body), err)
				}
			}
			testkit.Eventually(t, "serving goes on", func() bool { return large.served.Load() > n })
		})
	}
}

// What requests have in their headers is held as long as what is in their bodies.
func TestHeadersOfOpenRequestsAreBoundedInBytes(t *testing.T) {
	const requests, headerSize = 2000, 50 << 10
	const room = 64 << 20 / headerSize
	gate := &Gate{}
	pipelined(t, gate, func(t *testing.T, conn net.Conn, _ server.Server) {
		gate.open = make(chan struct{})
		large := strings.Repeat("x", headerSize)
		go func() {
			for i := range requests {
				if _, err := io.WriteString(conn, unnamed("Gate.Pass", "application/json", "{}", "Micro-Id", fmt.Sprint(i), "Large", large)); err != nil {
					return // the test is over
				}
			}
		}()
		time.Sleep(time.Hour)
		if n := gate.entered.Load(); n > room || n < room-10 {
			t.Errorf("%d requests with headers of %d bytes are held, want %d", n, headerSize, room)
		}
		close(gate.open)
		go io.Copy(io.Discard, conn) //nolint:errcheck // the replies are of no interest
		time.Sleep(time.Hour)
		if n := gate.entered.Load(); n != requests {
			t.Errorf("%d requests were served, want %d", n, requests)
		}
	})
}

// While an answer waits for its turn the connection is still watched.
func TestHandlersLearnThatTheClientHasGoneThoughAnAnswerWaitsForItsTurn(t *testing.T) {
	for name, second := range map[string]string{
		"refusal": unnamed("Watched.Pass", "text/unknown", "{}"),
		"event":   unnamed("", "application/json", "{}", "Micro-Topic", "news"),
		"call":    unnamedText("Watched.Pass", "second"),
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan error, 2)
			gate := &Watched{ended: ended}
			pipelined(t, gate, func(t *testing.T, conn net.Conn, _ server.Server) {
				go io.WriteString(conn, unnamedText("Watched.Pass", "first")+second) //nolint:errcheck // the handler tells
				time.Sleep(time.Second)
				conn.Close()
				select {
				case err := <-ended:
					if err == nil {
						t.Error("the handler ended by itself")
					}
				case <-time.After(time.Minute):
					t.Error("the handler was not told")
				}
			})
		})
	}
}

// Watched is a handler that waits for the end of its context.
type Watched struct{ ended chan error }

func (w *Watched) Pass(ctx context.Context, _, _ *Text) error {
	<-ctx.Done()
	w.ended <- ctx.Err()
	return ctx.Err()
}

func TestRequestsThatWaitForRoomDoNotBeginWhenOthersAreCutOff(t *testing.T) {
	gate := &Gate{} // which never opens
	pipelined(t, gate, func(t *testing.T, conn net.Conn, srv server.Server) {
		go func() {
			for range 70 {
				if _, err := io.WriteString(conn, unnamedText("Gate.Pass", "")); err != nil {
					return // the test is over
				}
			}
		}()
		go io.Copy(io.Discard, conn) //nolint:errcheck // the replies are of no interest
		time.Sleep(time.Second)
		began := gate.entered.Load()
		if err := srv.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		if n := gate.entered.Load(); n != began {
			t.Errorf("%d requests began when Stop had cut off the others", n-began)
		}
	})
}
