package httppost_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/httppost"
)

func TestARequestHasItsBytesOnTheWire(t *testing.T) {
	const want = "POST /?id=1 HTTP/1.1\r\nHost: ADDRESS\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"
	got := make(chan string, 1)
	s := serve(t, func(c *serverConn) {
		b := make([]byte, len(strings.Replace(want, "ADDRESS", c.LocalAddr().String(), 1)))
		io.ReadFull(c.in, b)
		got <- string(b)
		c.reply(ok)
		c.waitForEnd()
	})
	wantOK(t, post(t, newClient(t), s))
	if g := strings.Replace(<-got, s.addr, "ADDRESS", 1); g != want {
		t.Errorf("the request is %q, want %q", g, want)
	}
}

func TestConnectionsAreUsedAgainAfterRepliesThatLeaveThemOpen(t *testing.T) {
	long := strings.Repeat("x", maxReply)
	for name, tt := range map[string]struct {
		reply  string
		status int
		body   string
		err    error
		reused bool
	}{
		"with a length":          {ok, 200, "ok", nil, true},
		"in chunks":              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", 200, "ok", nil, true},
		"without a length":       {"HTTP/1.1 200 OK\r\n\r\nok", 200, "ok", nil, false},
		"with the end announced": {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", 200, "ok", nil, false},
		"of HTTP/1.0":            {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", nil, false},
		"behind interim ones":    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + ok, 200, "ok", nil, true},
		"that redirect":          {"HTTP/1.1 307 Temporary Redirect\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n", 307, "", nil, true},
		"that switch protocols":  {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", 101, "", nil, false},
		"without a body":         {"HTTP/1.1 204 No Content\r\n\r\n", 204, "", nil, true},
		"of the largest size":    {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + long, 200, long, nil, true},
		"too large":              {"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 1000000000000\r\n\r\n" + long + "y", 500, long, nil, false},
		"too large, in chunks":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\nfffffffffffffff\r\n" + long, 200, long, nil, false},
		"too large, without end": {"HTTP/1.1 200 OK\r\n\r\n" + long + "y", 200, long, nil, false},
		"broken off":             {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok", 200, "ok", io.ErrUnexpectedEOF, false},
		"broken off, in chunks":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n2\r\nk", 200, "ok", io.ErrUnexpectedEOF, false},
	} {
		for how, write := range map[string]func(*serverConn){
			"at once": func(c *serverConn) { c.reply(tt.reply) },
			"byte by byte": func(c *serverConn) {
				for i := range len(tt.reply) {
					c.reply(tt.reply[i : i+1])
				}
			},
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				checkReply(t, write, tt.status, tt.body, tt.err, tt.reused)
			})
		}
	}
}

func checkReply(t *testing.T, write func(*serverConn), status int, body string, broken error, reused bool) {
	s := serve(t, func(c *serverConn) {
		for c.request() != nil {
			write(c)
			if !reused {
				return
			}
		}
	})
	c := newClient(t)
	for range 2 {
		resp := post(t, c, s)
		if resp.Status != status || string(resp.Body) != body || !errors.Is(resp.Err, broken) {
			t.Fatalf("the reply is %d %q, the error %v", resp.Status, resp.Body, resp.Err)
		}
		if !strings.HasPrefix(resp.Reason, fmt.Sprint(status, " ")) {
			t.Errorf("the reason is %q", resp.Reason)
		}
	}
	if want := map[bool]int64{true: 1, false: 2}[reused]; s.accepted.Load() != want {
		t.Errorf("%d connections were made, want %d", s.accepted.Load(), want)
	}
}

func TestAReplyThatIsNoHTTPIsAnError(t *testing.T) {
	for name, reply := range map[string]string{
		"another protocol": "SSH-2.0-x\r\n",
		"two lengths":      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
		"nothing":          "",
		"half a head":      "HTTP/1.1 200 OK\r\nContent-Le",
		"an endless head":  "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 100<<10),
		"only interim":     strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 100),
	} {
		s := serve(t, func(c *serverConn) {
			c.request()
			c.reply(reply)
		})
		_, sent, err := newClient(t).Post(context.Background(), to(s))
		if err == nil || !sent || !strings.Contains(err.Error(), s.addr) {
			t.Errorf("%s: sent is %v, the error %v", name, sent, err)
		}
	}
}

func TestPeerThatIsNotThereWasSentNothing(t *testing.T) {
	s := serve(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	s.addr = l.Addr().String()
	if _, sent, err := newClient(t).Post(context.Background(), to(s)); err == nil || sent {
		t.Errorf("sent is %v, the error %v", sent, err)
	}
}

func TestAddressOfSeveralLinesIsRefused(t *testing.T) {
	r := &httppost.Request{Addr: "127.0.0.1:1\r\nX: y", Target: "/"}
	if _, sent, err := newClient(t).Post(context.Background(), r); err == nil || sent || !strings.Contains(err.Error(), "not an address") {
		t.Errorf("sent is %v, the error %v", sent, err)
	}
}

func TestRefusalOfALargeBodyIsReadWhileItIsWritten(t *testing.T) {
	done := make(chan struct{})
	s := serve(t, func(c *serverConn) {
		http.ReadRequest(c.in)
		c.reply("HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
		<-done // reading nothing
	})
	defer close(done)
	r := to(s)
	r.Body = large
	resp, _, err := newClient(t).Post(context.Background(), r)
	if err != nil || resp.Status != 413 || string(resp.Body) != "no" {
		t.Errorf("the reply is %+v, the error %v", resp, err)
	}
}

func TestConnectionServesAfterALargeBody(t *testing.T) {
	s := serve(t, answering(ok))
	c, r := newClient(t), to(s)
	r.Body = large
	for range 2 {
		resp, sent, err := c.Post(context.Background(), r)
		if err != nil || !sent {
			t.Fatalf("sent is %v, the error %v", sent, err)
		}
		wantOK(t, resp)
	}
	if n := s.accepted.Load(); n != 1 {
		t.Errorf("%d connections were made", n)
	}
}

func TestContextEndsAnExchange(t *testing.T) {
	for name, tt := range map[string]struct {
		reply string
		body  []byte
		sent  bool
	}{
		"in the request": {"", large, false},
		"before a reply": {"", []byte("x"), true},
		"in the head":    {"HTTP/1.1 200 OK\r\nConte", []byte("x"), true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			done := make(chan struct{})
			s := serve(t, func(c *serverConn) {
				http.ReadRequest(c.in)
				c.reply(tt.reply)
				cancel()
				<-done // reading nothing
			})
			defer close(done)
			c, r := newClient(t), to(s)
			r.Body = tt.body
			if _, sent, err := c.Post(ctx, r); !errors.Is(err, context.Canceled) || sent != tt.sent {
				t.Errorf("sent is %v, the error %v", sent, err)
			}
			if c.Idle() != 0 {
				t.Error("the connection is kept")
			}
		})
	}
}

func TestContextEndsAReply(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := serve(t, func(c *serverConn) {
		c.request()
		fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 2*len(large))
		c.Write(large) // most of it has been read then
		cancel()
		c.waitForEnd()
	})
	c := newClient(t)
	c.MaxReply = 2 * len(large)
	resp, sent, err := c.Post(ctx, to(s))
	if err != nil || !sent || !errors.Is(resp.Err, context.Canceled) || len(resp.Body) == 0 || len(resp.Body) > len(large) {
		t.Errorf("sent is %v, the error %v, of the reply %+v", sent, err, resp)
	}
	if c.Idle() != 0 {
		t.Error("the connection is kept")
	}
}

func TestContextEndsTheHandshake(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s := serve(t, func(c *serverConn) {
		c.in.ReadByte()
		cancel()
		c.waitForEnd()
	})
	r := to(s)
	r.Secure = true
	if _, sent, err := newClient(t).Post(ctx, r); !errors.Is(err, context.Canceled) || sent {
		t.Errorf("sent is %v, the error %v", sent, err)
	}
}

func TestCertificatesAreVerified(t *testing.T) {
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s", r.Proto, r.TLS.NegotiatedProtocol, r.URL)
	}))
	s.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	c := newClient(t)
	r := &httppost.Request{Addr: s.Listener.Addr().String(), Secure: true, Target: "/?id=1"}
	if _, sent, err := c.Post(context.Background(), r); err == nil || sent {
		t.Errorf("with a strange certificate sent is %v, the error %v", sent, err)
	}
	before := conns.Load()
	c = newClient(t)
	c.TLS = &tls.Config{RootCAs: s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	for range 3 {
		resp, _, err := c.Post(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if string(resp.Body) != "HTTP/1.1 http/1.1 /?id=1" {
			t.Errorf("the reply is %q", resp.Body)
		}
	}
	if n := conns.Load() - before; n != 1 {
		t.Errorf("%d connections were made", n)
	}
}
