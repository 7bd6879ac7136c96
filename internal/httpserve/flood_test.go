package httpserve_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpserve"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var quiet = logger.NewLogger(logger.WithOutput(io.Discard))

const (
	// h2Request is a GET of "/" on the first stream.
	h2Request = "\x00\x00\x06\x01\x05\x00\x00\x00\x01" + "\x82\x86\x84\x41\x01a"
	h2Reset   = "\x00\x00\x04\x03\x00\x00\x00\x00\x01" + "\x00\x00\x00\x08"
	h2Ended   = "\x00\x01\x00\x00\x00\x01ok" // the answer to it
	h1Request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
)

// room is how many connections the servers of these tests take at once on which
// no request is served.
const room = 50

// share is what that is for a second.
const share = room * 50 * time.Microsecond

// offered returns a configuration of TLS for a server, and that of a client which
// offers a protocol.
func offered(t testing.TB, protocol string) (server, client *tls.Config) {
	t.Helper()
	cert, err := mtls.Certificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}}
}

// visitor is somebody who connects, sends something and, if an answer is expected,
// reads until it has arrived.
type visitor struct {
	sends, answer string
	piecemeal     bool        // it sends byte by byte
	tls           *tls.Config // of the client
	byListener    bool        // TLS is
}

// visit lasts until the visitor has left and the server knows.
func (v *visitor) visit(l *testkit.Pipes) error {
	here := l.Dial()
	var conn net.Conn = here
	if v.tls != nil {
		conn = tls.Client(here, v.tls)
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		sends := v.sends
		for v.piecemeal && len(sends) > 1 {
			if _, err := io.WriteString(conn, sends[:1]); err != nil {
				return
			}
			sends = sends[1:]
		}
		io.WriteString(conn, sends)
		if v.answer == "" {
			here.Close()
		}
	})
	defer writing.Wait()
	defer here.Close()
	if v.answer == "" {
		io.Copy(io.Discard, conn)
		return nil
	}
	for got := ""; !strings.Contains(got, v.answer); {
		b := make([]byte, 1024)
		n, err := conn.Read(b)
		got += string(b[:n])
		if err != nil {
			return fmt.Errorf("%w after %q", err, got)
		}
	}
	return nil
}

// serveOver serves the answer "ok" over connections in memory until it is stopped.
func serveOver(s *http.Server, share time.Duration, log logger.Logger) (l *testkit.Pipes, run *httpserve.Run) {
	l = testkit.NewPipes()
	return l, serveOn(l, s, share, log)
}

func serveOn(l net.Listener, s *http.Server, share time.Duration, log logger.Logger) *httpserve.Run {
	return httpserve.StartWithShare("test", s, l, http.HandlerFunc(ok), log, share)
}

// waited is the simulated time that a server makes three times as many visitors as
// it has room for wait.
func waited(t *testing.T, v visitor) (waited time.Duration) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := testkit.NewPipes()
		var accepts net.Listener = l
		s := new(http.Server)
		if v.tls != nil {
			s.TLSConfig, _ = offered(t, "")
		}
		if v.byListener {
			s.TLSConfig.NextProtos = v.tls.NextProtos
			accepts, s.TLSConfig = tls.NewListener(l, s.TLSConfig), nil
		}
		run := serveOn(accepts, s, share, quiet)
		defer run.Stop(t.Context()) //nolint:errcheck // the connections are closed
		began := time.Now()
		for i := range 3 * room {
			if err := v.visit(l); err != nil {
				t.Fatalf("visitor %d: %v", i, err)
			}
			synctest.Wait()
		}
		waited = time.Since(began)
	})
	return waited
}

func TestConnectionsOnWhichNoRequestIsServedAreTakenInTurn(t *testing.T) {
	_, h1 := offered(t, "http/1.1")
	_, h2 := offered(t, "h2")
	for name, v := range map[string]visitor{
		"closed at once":                       {},
		"a request that is malformed":          {sends: "GET / HTTP/1.1\r\nbad\r\n\r\n"},
		"HTTP/2 without a request":             {sends: testkit.H2Preface},
		"HTTP/2 with a request and reset":      {sends: testkit.H2Preface + h2Request + h2Reset},
		"a handshake":                          {tls: h1},
		"a handshake with the listener":        {tls: h1, byListener: true},
		"HTTP/2 with a request and reset, TLS": {sends: testkit.H2Preface + h2Request + h2Reset, tls: h2},
	} {
		t.Run(name, func(t *testing.T) {
			if d := waited(t, v); d < time.Second {
				t.Errorf("three times as many as may come in a second came in %v", d)
			}
		})
	}
}

func TestConnectionsOnWhichARequestIsServedDoNotWait(t *testing.T) {
	_, h1 := offered(t, "http/1.1")
	_, h2 := offered(t, "h2")
	for name, v := range map[string]visitor{
		"HTTP/1.1":             {sends: h1Request, answer: "ok"},
		"HTTP/1.1 by bytes":    {sends: h1Request, answer: "ok", piecemeal: true},
		"HTTP/2":               {sends: testkit.H2Preface + h2Request, answer: h2Ended},
		"HTTP/2 by bytes":      {sends: testkit.H2Preface + h2Request, answer: h2Ended, piecemeal: true},
		"HTTP/1.1, TLS":        {sends: h1Request, answer: "ok", tls: h1},
		"HTTP/2, TLS":          {sends: testkit.H2Preface + h2Request, answer: h2Ended, tls: h2},
		"TLS of the listener":  {sends: testkit.H2Preface + h2Request, answer: h2Ended, tls: h2, byListener: true},
		"HTTP/2, TLS by bytes": {sends: testkit.H2Preface + h2Request, answer: h2Ended, tls: h2, piecemeal: true},
	} {
		t.Run(name, func(t *testing.T) {
			if d := waited(t, v); d > 0 {
				t.Errorf("they have waited for %v", d)
			}
		})
	}
}

func TestAServerSaysOnceThatItTakesConnectionsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := new(testkit.Buffer)
		l, run := serveOver(new(http.Server), share, logger.NewLogger(logger.WithOutput(logged), logger.WithLevel(logger.WarnLevel)))
		defer run.Stop(t.Context()) //nolint:errcheck // the connections are closed
		for range 30 * room {
			if err := new(visitor).visit(l); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(logged.String(), "takes new connections slowly"); n != 1 {
			t.Errorf("it says so %d times in %s", n, logged)
		}
	})
}

func TestAServerThatWaitsCanBeStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, run := serveOver(new(http.Server), time.Nanosecond, quiet) // the first is too much for an hour
		if err := new(visitor).visit(l); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		if err := run.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("that took %v", took)
		}
	})
}

// The go-away of a connection that never was served follows the settings, with which
// a server begins (RFC 9113, section 3.4), and names no request that was.
func TestAFloodFromTheFirstByteOnIsToldWhyItEnds(t *testing.T) {
	_, h2 := offered(t, "h2")
	for name, config := range map[string]*tls.Config{"without TLS": nil, "with TLS": h2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := new(http.Server)
				if config != nil {
					s.TLSConfig, _ = offered(t, "")
				}
				l, run := serveOver(s, 60*time.Microsecond, quiet) // there was more before
				defer run.Stop(t.Context())                        //nolint:errcheck // the connections are closed
				here := l.Dial()
				var conn net.Conn = here
				if config != nil {
					conn = tls.Client(here, config)
				}
				var writing sync.WaitGroup
				writing.Go(func() { conn.Write(testkit.ResetFlood(50)) })
				began := time.Now()
				got, err := io.ReadAll(conn)
				if took := time.Since(began); took > 3*time.Second {
					t.Errorf("the connection lasts for %v", took)
				}
				want := "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x0b"
				if string(got) != want || err != nil {
					t.Errorf("it is told %q, %v", got, err)
				}
				here.Close()
				writing.Wait()
			})
		})
	}
}
