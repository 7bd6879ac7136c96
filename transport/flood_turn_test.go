package transport_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
)

// pipes is a listener of connections in memory, so that time can be simulated.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }

// visit connects, sends something and, if a reply is expected, reads until it has
// arrived.
func (p *pipes) visit(sends, reply string) error {
	here, there := net.Pipe()
	p.conns <- there
	if reply == "" {
		var reading sync.WaitGroup
		reading.Go(func() { io.Copy(io.Discard, here) })
		defer reading.Wait()
		defer here.Close()
		_, err := io.WriteString(here, sends)
		return err
	}
	var writing sync.WaitGroup
	writing.Go(func() { io.WriteString(here, sends) })
	defer writing.Wait()
	defer here.Close()
	return untilReply(here, reply)
}

// room is how many connections a listener of these tests takes at once on which
// nothing is answered.
const room = 100

// waited is the simulated time that a listener makes three times as many visitors as
// it has room for wait.
func waited(t *testing.T, sends, reply string) (waited time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		l, err := transport.NewHTTPTransport(quiet, extraHandler).Listen("", transport.NetListener(p))
		if err != nil {
			t.Fatal(err)
		}
		transport.ShareForNothing(l, room*50*time.Microsecond)
		accepted := make(chan error, 1)
		go func() { accepted <- l.Accept(echo) }()
		defer func() {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if err := <-accepted; err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		for i := range 3 * room {
			if err := p.visit(sends, reply); err != nil {
				t.Fatalf("visitor %d: %v", i, err)
			}
			synctest.Wait()
		}
		waited = time.Since(began)
	})
	return waited
}

func extraHandler(o *transport.Options) {
	handlers := map[string]http.Handler{"/extra": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "from the extra handler")
	})}
	o.Context = context.WithValue(context.Background(), "http_handlers", handlers) //nolint:staticcheck // the key is a string
}

const (
	h2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	// h2Request opens the first stream with a POST of "/" and no more.
	h2Request = "\x00\x00\x06\x01\x05\x00\x00\x00\x01" + "\x83\x86\x84\x41\x01a"
	h2Reset   = "\x00\x00\x04\x03\x00\x00\x00\x00\x01" + "\x00\x00\x00\x08"
	muxCall   = "\x01\x1b\x00\x1a\x00\x00\x00\x02" + "\x00\x00" + "\x00\x00\x00\x04" + "\x00\x00\x00\x00\x00\x00\x00\x07" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "call"
)

func TestConnectionsOnWhichNothingIsAnsweredAreTakenInTurn(t *testing.T) {
	for name, sends := range map[string]string{
		"closed at once":                  "",
		"a request that is malformed":     "POST / HTTP/1.1\r\nbad\r\n\r\n",
		"frames that open nothing":        mux.Preface,
		"HTTP/2 without a request":        h2Preface,
		"HTTP/2 with a request and reset": h2Preface + h2Request + h2Reset,
	} {
		t.Run(name, func(t *testing.T) {
			if d := waited(t, sends, ""); d < time.Second {
				t.Errorf("three times as many as may come in a second came in %v", d)
			}
		})
	}
}

func TestConnectionsOnWhichSomethingIsAnsweredDoNotWait(t *testing.T) {
	for name, visit := range map[string]struct{ sends, reply string }{
		"HTTP/1.1":              {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", "hello"},
		"an offer to multiplex": {strings.Replace(openExchange, "; exchange", "", 1) + mux.Preface, "first"},
		"frames":                {mux.Preface + muxCall, "call"},
		"HTTP/2":                {h2Preface + h2Request, "\x00\x00\x00\x00\x01\x00\x00\x00\x01"}, // the end of stream 1
		"an extra handler":      {"GET /extra HTTP/1.1\r\nHost: x\r\n\r\n", "from the extra handler"},
	} {
		t.Run(name, func(t *testing.T) {
			if d := waited(t, visit.sends, visit.reply); d > 0 {
				t.Errorf("they have waited for %v", d)
			}
		})
	}
}

func TestAListenerSaysOnceThatItTakesConnectionsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := new(testkit.Buffer)
		log := logger.NewLogger(logger.WithOutput(logged), logger.WithLevel(logger.WarnLevel))
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		l, err := transport.NewHTTPTransport(transport.Logger(log)).Listen("", transport.NetListener(p))
		if err != nil {
			t.Fatal(err)
		}
		transport.ShareForNothing(l, room*50*time.Microsecond)
		serve(t, l, echo)
		for range 30 * room {
			if err := p.visit("", ""); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(logged.String(), "takes new connections slowly"); n != 1 {
			t.Errorf("it says so %d times in %s", n, logged)
		}
	})
}

// The go-away of a connection that never was served follows the settings, with which
// a server begins (RFC 9113, section 3.4), and names no request that was.
func TestAFloodFromTheFirstByteOnIsToldWhyItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
		l, err := transport.NewHTTPTransport(quiet).Listen("", transport.NetListener(p))
		if err != nil {
			t.Fatal(err)
		}
		transport.ShareForNothing(l, 60*time.Microsecond) // there was more before
		serve(t, l, func(transport.Socket) { t.Error("a request is served") })
		here, there := net.Pipe()
		p.conns <- there
		go io.WriteString(here, h2Preface+strings.Repeat(h2Request+h2Reset, 50))
		got, err := io.ReadAll(here)
		want := "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x0b"
		if string(got) != want || err != nil {
			t.Errorf("it is told %q, %v", got, err)
		}
		here.Close()
	})
}
