package httppost_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/httppost"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

const maxReply = 1000

// newClient returns a client whose limits, of time above all, no test meets by
// chance.
func newClient(t testing.TB) *httppost.Client {
	c := &httppost.Client{
		MaxReply: maxReply, DialTimeout: time.Minute, HandshakeTimeout: time.Minute,
		MaxIdle: 100, MaxIdlePerAddr: 100, IdleTimeout: time.Hour,
	}
	t.Cleanup(c.Close)
	return c
}

// server plays a script on each connection to it.
type server struct {
	addr     string
	accepted atomic.Int64
}

// serverConn is one connection, which ends with its script.
type serverConn struct {
	*net.TCPConn
	t  testing.TB
	in *bufio.Reader
	nr int // of the connection, from 1
}

func serve(t testing.TB, script func(*serverConn)) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: l.Addr().String()}
	var running sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			nr := int(s.accepted.Add(1))
			running.Go(func() {
				defer c.Close()
				script(&serverConn{c.(*net.TCPConn), t, bufio.NewReader(c), nr})
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		running.Wait()
	})
	return s
}

// request reads the next request, nil at the end of the connection.
func (c *serverConn) request() *http.Request {
	r, err := http.ReadRequest(c.in)
	if err != nil {
		return nil
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil
	}
	return r
}

func (c *serverConn) reply(text string) { io.WriteString(c, text) }

// waitForEnd waits until the client closes the connection.
func (c *serverConn) waitForEnd() { io.Copy(io.Discard, c.in) }

// answering answers all requests of a connection.
func answering(text string) func(*serverConn) {
	return func(c *serverConn) {
		for c.request() != nil {
			c.reply(text)
		}
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

func to(s *server) *httppost.Request {
	return &httppost.Request{Addr: s.addr, Target: "/?id=1", ContentType: "application/json", Body: []byte("hello")}
}

func post(t testing.TB, c *httppost.Client, s *server) *httppost.Response {
	t.Helper()
	resp, sent, err := c.Post(context.Background(), to(s))
	if err != nil || !sent {
		t.Fatalf("sent is %v, the error %v", sent, err)
	}
	return resp
}

func wantOK(t testing.TB, resp *httppost.Response) {
	t.Helper()
	if resp.Status != 200 || string(resp.Body) != "ok" || resp.Err != nil {
		t.Errorf("the reply is %d %q, the error %v", resp.Status, resp.Body, resp.Err)
	}
}

// large is more than the buffers of the system between two processes.
var large = []byte(strings.Repeat("x", 32<<20))
