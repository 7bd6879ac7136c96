package transport_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// counted counts the connections that a listener accepts.
type counted struct {
	net.Listener
	conns atomic.Int32
}

func (l *counted) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.conns.Add(1)
	}
	return c, err
}

// listenCounted serves an echo and counts its connections.
func listenCounted(t testing.TB, tr transport.Transport) (addr string, conns *counted) {
	t.Helper()
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns = &counted{Listener: nl}
	l, err := tr.Listen("", transport.NetListener(conns))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, echo)
	return l.Addr(), conns
}

// call makes one exchange and fails the test if it fails.
func call(t testing.TB, c transport.Client, body string) {
	t.Helper()
	if err := tryCall(c, body); err != nil {
		t.Fatal(err)
	}
}

func tryCall(c transport.Client, body string) error {
	m := transport.Message{Header: map[string]string{"Micro-Id": "7"}, Body: []byte(body)}
	if err := c.Send(&m); err != nil {
		return err
	}
	var got transport.Message
	if err := c.Recv(&got); err != nil {
		return err
	}
	if string(got.Body) != body || got.Header["Micro-Id"] != "7" || got.Header["Upgrade"] != "" || got.Header["Connection"] != "" {
		return fmt.Errorf("the reply to %q is %q with %v", body, got.Body, got.Header)
	}
	return nil
}

// Every kind of client works with every kind of server, and sockets share a
// connection when both ends can do that.
func TestPairingsOfMultiplexedAndPlain(t *testing.T) {
	kinds := map[string][]transport.Option{"mux": {quiet}, "plain": {quiet, transport.DisableMux()}}
	for clientKind, clientOptions := range kinds {
		for serverKind, serverOptions := range kinds {
			t.Run(clientKind+" to "+serverKind, func(t *testing.T) {
				addr, conns := listenCounted(t, transport.NewHTTPTransport(serverOptions...))
				tr := transport.NewHTTPTransport(clientOptions...)
				for i := range 3 {
					c := dial(t, tr, addr, transport.WithStream())
					for j := range 3 {
						call(t, c, fmt.Sprint(i, j))
					}
				}
				want := int32(3)
				if clientKind == "mux" && serverKind == "mux" {
					want = 1
				}
				if n := conns.conns.Load(); n != want {
					t.Errorf("%d connections, want %d", n, want)
				}
			})
		}
	}
}

func TestWithConnCloseKeepsADialPlain(t *testing.T) {
	addr, conns := listenCounted(t, transport.NewHTTPTransport(quiet))
	tr := transport.NewHTTPTransport(quiet)
	call(t, dial(t, tr, addr), "multiplexed")
	call(t, dial(t, tr, addr), "multiplexed")
	c := dial(t, tr, addr, transport.WithConnClose(), transport.WithStream())
	if err := c.Send(&transport.Message{Body: []byte("plain")}); err != nil {
		t.Fatal(err)
	}
	if err := c.Recv(&transport.Message{}); err != nil {
		t.Fatal(err)
	}
	if n := conns.conns.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

func TestTheOfferAndItsAcceptanceOnTheWire(t *testing.T) {
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nl.Close()
	c := dial(t, transport.NewHTTPTransport(quiet), nl.Addr().String(), transport.WithStream())
	conn, err := nl.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := c.Send(&transport.Message{Header: map[string]string{"Micro-Id": "1"}, Body: []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	request, err := http.ReadRequest(in)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(request.Body)
	if request.Header.Get("Connection") != "Upgrade" || request.Header.Get("Upgrade") != "micro-mux/2; to="+nl.Addr().String() ||
		request.Header.Get("Micro-Id") != "1" || string(body) != "hello" {
		t.Errorf("the offer is %v with %q", request.Header, body)
	}
	// Sent before the answer is known: a plain request.
	if err := c.Send(&transport.Message{Body: []byte("second")}); err != nil {
		t.Fatal(err)
	}
	if request, err = http.ReadRequest(in); err != nil || request.Header.Get("Upgrade") != "" {
		t.Fatalf("the second request is %v, %v", request, err)
	}
	io.Copy(io.Discard, request.Body)
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: micro-mux/2\r\n\r\n")
	preface := make([]byte, len(mux.Preface))
	if _, err := io.ReadFull(in, preface); err != nil || string(preface) != mux.Preface {
		t.Errorf("the answer to the acceptance is %q, %v", preface, err)
	}
}

// Messages that overtake the answer to the offer arrive in their order.
func TestMessagesSentBeforeTheAnswer(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(quiet), echo)
	for range 20 {
		c := dial(t, transport.NewHTTPTransport(quiet), l.Addr(), transport.WithStream())
		for i := range 50 {
			if err := c.Send(&transport.Message{Body: []byte{byte(i)}}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 50 {
			var m transport.Message
			if err := c.Recv(&m); err != nil || len(m.Body) != 1 || m.Body[0] != byte(i) {
				t.Fatalf("message %d is %v, %v", i, m.Body, err)
			}
		}
		c.Close()
	}
}

// v4Server answers as go-micro v4 does: plain, whatever is offered.
func v4Server(t testing.TB) (addr string, offers *atomic.Int32) {
	t.Helper()
	offers = new(atomic.Int32)
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "" {
			offers.Add(1)
		}
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Micro-Id", r.Header.Get("Micro-Id"))
		w.Write(body)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		srv.Serve(nl)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-ended
	})
	return nl.Addr().String(), offers
}

func TestAPlainServerIsAskedOnce(t *testing.T) {
	addr, offers := v4Server(t)
	tr := transport.NewHTTPTransport(quiet)
	for range 3 {
		c := dial(t, tr, addr)
		for range 3 {
			m := transport.Message{Body: []byte("hello")}
			if err := errors.Join(c.Send(&m), c.Recv(&m)); err != nil || string(m.Body) != "hello" {
				t.Fatalf("%q, %v", m.Body, err)
			}
		}
		if !c.(transport.Reuser).Reusable() {
			t.Error("the connection is not reusable")
		}
		c.Close()
	}
	if n := offers.Load(); n != 1 {
		t.Errorf("%d offers, want 1", n)
	}
}

// Dials that race for the first connection end on one.
func TestConcurrentFirstDialsConverge(t *testing.T) {
	addr, conns := listenCounted(t, transport.NewHTTPTransport(quiet))
	tr := transport.NewHTTPTransport(quiet)
	var all sync.WaitGroup
	var surplus atomic.Int32
	for i := range 32 {
		all.Go(func() {
			c, err := tr.Dial(addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if err := tryCall(c, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
			if !c.(transport.Reuser).Reusable() {
				surplus.Add(1)
			}
		})
	}
	all.Wait()
	if n := conns.conns.Load(); n > surplus.Load()+1 {
		t.Errorf("%d connections of which only %d are given up", n, surplus.Load())
	}
	before := conns.conns.Load()
	for i := range 10 {
		call(t, dial(t, tr, addr), fmt.Sprint(i))
	}
	if n := conns.conns.Load(); n != before {
		t.Errorf("%d new connections", n-before)
	}
}

func TestDrainSendsClientsElsewhere(t *testing.T) {
	tr := transport.NewHTTPTransport(quiet)
	l := listen(t, tr, echo)
	c := dial(t, tr, l.Addr())
	other := dial(t, tr, l.Addr())
	call(t, c, "before")
	call(t, other, "before")
	if err := l.(transport.Drainer).Drain(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the client knows", func() bool { return !c.(transport.Reuser).Reusable() })
	call(t, c, "after")
	if again, err := tr.Dial(l.Addr()); err == nil {
		defer again.Close()
		if err := tryCall(again, "new"); !errors.Is(err, transport.ErrNotSent) {
			t.Errorf("a new socket: %v", err)
		}
	} else if !errors.Is(err, transport.ErrNotSent) {
		t.Errorf("a new dial: %v", err)
	}
}

func TestALostConnectionIsDialledAnew(t *testing.T) {
	tr := transport.NewHTTPTransport(quiet)
	l := listen(t, tr, echo)
	c := dial(t, tr, l.Addr(), transport.WithStream())
	call(t, c, "before")
	addr := l.Addr()
	l.Close()
	if err := c.Recv(&transport.Message{}); err == nil {
		t.Error("the socket lives on")
	}
	again, err := tr.Listen(addr)
	if err != nil {
		t.Skipf("the port was taken meanwhile: %v", err)
	}
	serve(t, again, echo)
	testkit.Eventually(t, "a new connection", func() bool {
		c, err := tr.Dial(addr)
		if err != nil {
			return false
		}
		defer c.Close()
		return tryCall(c, "after") == nil
	})
}

func TestHalfAnUpgradeIsCutOff(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]string{
		"silence":     "",
		"half":        mux.Preface[:5],
		"garbage":     "\x00\x01\x02\x03\r\n",
		"other words": "GARBAGE\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := listen(t, transport.NewHTTPTransport(quiet, transport.HandshakeTimeout(time.Second)), echo)
			conn, err := net.Dial("tcp", l.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(testkit.Patience))
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: micro-mux/2; to=x\r\nContent-Length: 0\r\n\r\n")
			answer, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.HasPrefix(answer, "HTTP/1.1 101 ") {
				t.Fatalf("the answer is %q, %v", answer, err)
			}
			io.WriteString(conn, after)
			if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the connection does not end: %v", err)
			}
		})
	}
}

func TestTLSOffersByALPN(t *testing.T) {
	for name, c := range map[string]struct {
		server, client []transport.Option
		want           int32
	}{
		"both":         {want: 1},
		"plain server": {server: []transport.Option{transport.DisableMux()}, want: 2},
		"plain client": {client: []transport.Option{transport.DisableMux()}, want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			var hellos atomic.Int32
			config := trusted(t, "127.0.0.1")
			config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
				hellos.Add(1)
				return nil, nil
			}
			l := listen(t, transport.NewHTTPTransport(append(c.server, quiet, transport.TLSConfig(config))...), echo)
			tr := transport.NewHTTPTransport(append(c.client, quiet, transport.TLSConfig(config))...)
			call(t, dial(t, tr, l.Addr()), "one")
			call(t, dial(t, tr, l.Addr()), "two")
			if n := hellos.Load(); n != c.want {
				t.Errorf("%d handshakes, want %d", n, c.want)
			}
		})
	}
}

// Slow is a handler that waits for the end of its request.
type Slow struct{ begun, ended chan struct{} }

type Empty struct{}

func (s *Slow) Wait(ctx context.Context, _ *Empty, _ *Empty) error {
	close(s.begun)
	<-ctx.Done()
	close(s.ended)
	return ctx.Err()
}

// Cancelling a call ends its handler at once, while other calls on the same
// connection go on.
func TestCancellingACallCancelsItsHandler(t *testing.T) {
	tr := transport.NewHTTPTransport(quiet)
	r := registry.NewMemoryRegistry()
	slow := &Slow{begun: make(chan struct{}), ended: make(chan struct{})}
	srv := server.NewServer(server.Name("slow"), server.Address("127.0.0.1:0"), server.Transport(tr), server.Registry(r))
	if err := srv.Handle(srv.NewHandler(slow)); err != nil {
		t.Fatal(err)
	}
	if err := srv.Start(); err != nil {
		t.Fatal(err)
	}
	defer srv.Stop()
	c := client.NewClient(client.Transport(tr), client.Registry(r), client.Retries(0))
	defer c.(io.Closer).Close()
	ctx, cancel := context.WithCancel(context.Background())
	returned := make(chan error, 1)
	go func() {
		returned <- c.Call(ctx, c.NewRequest("slow", "Slow.Wait", &Empty{}, client.WithContentType("application/json")), &Empty{})
	}()
	select {
	case <-slow.begun:
	case err := <-returned:
		t.Fatal(err)
	}
	cancel()
	select {
	case <-slow.ended:
	case <-time.After(testkit.Patience):
		t.Error("the handler goes on")
	}
	if err := <-returned; err == nil {
		t.Error("the call succeeds")
	}
}
