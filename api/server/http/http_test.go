package http_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/api/internal/apitest"
	"github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/api/server/acme"
	"github.com/justcy/go-micro/v4/api/server/cors"
	httpserver "github.com/justcy/go-micro/v4/api/server/http"
	"github.com/justcy/go-micro/v4/internal/testkit"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

func TestMain(m *testing.M) {
	testkit.Main(m, http.DefaultTransport.(*http.Transport).CloseIdleConnections)
}

func newServer(t *testing.T, opts ...server.Option) server.Server {
	t.Helper()
	s := httpserver.NewServer("127.0.0.1:0", append([]server.Option{server.AccessLog(nil), server.Logger(apitest.Quiet)}, opts...)...)
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func start(t *testing.T, s server.Server) string {
	t.Helper()
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s.Address()
}

func text(s string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, s) })
}

func TestWrappersGoAroundTheHandlerTheLastOutermost(t *testing.T) {
	wrap := func(name string) server.Wrapper {
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, name); h.ServeHTTP(w, r) })
		}
	}
	s := newServer(t, server.WrapHandler(wrap("a")))
	if err := s.Init(server.WrapHandler(wrap("b"))); err != nil {
		t.Fatal(err)
	}
	s.Handle("/", text("c"))
	rsp, err := http.Get("http://" + start(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	if body, _ := io.ReadAll(rsp.Body); string(body) != "bac" {
		t.Errorf("got %s", body)
	}
}

func TestEachRequestIsALineInTheCombinedFormat(t *testing.T) {
	log := new(testkit.Buffer)
	s := newServer(t, server.AccessLog(log))
	s.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(418); fmt.Fprint(w, "teapot") }))
	r, _ := http.NewRequest("GET", "http://"+start(t, s)+"/a?b=%22c", nil)
	r.SetBasicAuth("ada", "secret")
	r.Header.Set("Referer", "http://example.com/")
	r.Header.Set("User-Agent", `a"b`)
	rsp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = rsp.Body.Close()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	want := regexp.MustCompile(`^127\.0\.0\.1 - ada \[\d{2}/\w{3}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4}\] "GET /a\?b=%22c HTTP/1\.1" 418 6 "http://example\.com/" "a\\"b"\n$`)
	if !want.MatchString(log.String()) {
		t.Errorf("got %q", log.String())
	}
}

func TestStopFinishesTheRequestsInFlight(t *testing.T) {
	s := newServer(t)
	in, out := make(chan struct{}), make(chan struct{})
	s.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(in)
		<-server.Draining(r.Context())
		<-out
		fmt.Fprint(w, "done")
	}))
	at := start(t, s)
	body := make(chan string, 1)
	go func() {
		rsp, err := http.Get("http://" + at)
		if err != nil {
			body <- err.Error()
			return
		}
		defer rsp.Body.Close()
		b, _ := io.ReadAll(rsp.Body)
		body <- string(b)
	}()
	<-in
	stopped := make(chan error, 1)
	go func() { stopped <- s.Stop() }()
	close(out)
	if got := <-body; got != "done" {
		t.Errorf("got %s", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if err := s.Stop(); err != nil { // again
		t.Error(err)
	}
	if err := newServer(t).Stop(); err != nil { // without a Start
		t.Error(err)
	}
}

func TestStopWaitsForConnectionsThatHandlersTookOver(t *testing.T) {
	s := newServer(t)
	took := make(chan net.Conn, 1)
	ended := make(chan struct{})
	s.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		took <- conn
		<-server.Draining(r.Context())
		_ = conn.Close()
		close(ended)
	}))
	conn, err := net.Dial("tcp", start(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	<-took
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	select {
	case <-ended:
	default:
		t.Error("Stop returned before the handler")
	}
}

func TestStopCutsOffWhatTakesTooLong(t *testing.T) {
	s := newServer(t, server.StopTimeout(time.Millisecond))
	in := make(chan struct{})
	s.Handle("/", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { close(in); <-r.Context().Done() }))
	at := start(t, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if rsp, err := http.Get("http://" + at); err == nil {
			_ = rsp.Body.Close()
		}
	}()
	<-in
	if err := s.Stop(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	<-done
}

func TestACORSConfigSetsItsHeaders(t *testing.T) {
	s := newServer(t, server.EnableCORS(true), server.CORSConfig(&cors.Config{AllowOrigin: "https://a.example.com, https://b.example.com", AllowCredentials: true}))
	s.Handle("/", text("page"))
	at := start(t, s)
	for origin, want := range map[string]string{"https://b.example.com": "https://b.example.com", "https://c.example.com": ""} {
		r, _ := http.NewRequest("OPTIONS", "http://"+at, nil)
		r.Header.Set("Origin", origin)
		rsp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(rsp.Body)
		_ = rsp.Body.Close()
		if got := rsp.Header.Get("Access-Control-Allow-Origin"); got != want || rsp.StatusCode != 200 || len(body) > 0 || rsp.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: got %d %v %s", origin, rsp.StatusCode, rsp.Header, body)
		}
	}
}

// certificate writes a new certificate into two files.
func certificate(t *testing.T, dir string) (cert, key string, parsed *x509.Certificate) {
	t.Helper()
	made, err := mtls.Certificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(made.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: made.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, made.Leaf
}

func TestTLSIsServedFromFilesAndByConfig(t *testing.T) {
	cert, key, parsed := certificate(t, t.TempDir())
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	for name, opts := range map[string][]server.Option{
		"files":  {server.TLSFiles(cert, key)},
		"config": {server.EnableTLS(true), server.TLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}})},
	} {
		s := newServer(t, opts...)
		s.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
		rsp, err := (&http.Client{Transport: transport}).Get("https://" + start(t, s))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, _ := io.ReadAll(rsp.Body)
		_ = rsp.Body.Close()
		transport.CloseIdleConnections()
		if string(body) != "HTTP/2.0" {
			t.Errorf("%s: got %s", name, body)
		}
	}
	if err := newServer(t, server.TLSFiles("missing", key)).Start(); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("without the file: %v", err)
	}
}

func TestHTTP2IsServedWithoutTLS(t *testing.T) {
	s := newServer(t)
	s.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) }))
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	defer transport.CloseIdleConnections()
	rsp, err := (&http.Client{Transport: transport}).Get("http://" + start(t, s))
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	if body, _ := io.ReadAll(rsp.Body); string(body) != "HTTP/2.0" {
		t.Errorf("got %s", body)
	}
}

// provider is a provider of certificates whose listener does TLS itself.
type provider struct {
	acme.Provider
	config *tls.Config
}

func (p provider) Listen(...string) (net.Listener, error) {
	return tls.Listen("tcp", "127.0.0.1:0", p.config)
}

func TestAFloodOverHTTP2EndsWithEnhanceYourCalm(t *testing.T) {
	made, err := mtls.Certificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{made}, NextProtos: []string{"h2", "http/1.1"}}
	for name, test := range map[string]struct {
		secure bool
		opts   []server.Option
	}{
		"without TLS":         {false, nil},
		"any number of peers": {false, []server.Option{server.MaxConnections(0)}},
		"with TLS":            {true, []server.Option{server.EnableTLS(true), server.TLSConfig(config)}},
		"with ACME":           {true, []server.Option{server.EnableACME(true), server.ACMEProvider(provider{config: config})}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, test.opts...)
			s.Handle("/", text("page"))
			at := start(t, s)
			conn, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			if test.secure {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
			}
			c := testkit.NewH2(t, conn)
			if code := c.Flood(c.OpenAndReset); code != testkit.H2Calm {
				t.Errorf("the connection has ended with code %#x", code)
			}
		})
	}
}

// Raw bytes that no client sends.
func TestMalformedRequestsAreRefused(t *testing.T) {
	s := newServer(t)
	s.Handle("/", text("page"))
	at := start(t, s)
	for name, raw := range map[string]string{
		"two lengths":     "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"negative length": "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"two encodings":   "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"no host":         "GET / HTTP/1.1\r\n\r\n",
		"two hosts":       "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"broken name":     "GET / HTTP/1.1\r\nHost: x\r\nMicro Service: y\r\n\r\n",
		"folded line":     "GET / HTTP/1.1\r\nHost: x\r\n a: b\r\n\r\n",
		"climbing path":   "GET /a/../b HTTP/1.1\r\nHost: x\r\n\r\n",
		"huge head":       "GET / HTTP/1.1\r\nHost: x\r\nA: " + strings.Repeat("a", 1<<17) + "\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, raw)
		_ = conn.SetReadDeadline(time.Now().Add(testkit.Patience))
		rsp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		_ = conn.Close()
		if err != nil {
			continue // closed without an answer
		}
		if rsp.StatusCode < 400 || rsp.StatusCode > 501 {
			t.Errorf("%s: got %d", name, rsp.StatusCode)
		}
	}
}

func TestNoMoreConnectionsThanTheLimitAreServed(t *testing.T) {
	s := newServer(t, server.MaxConnections(1))
	s.Handle("/", text("page"))
	at := start(t, s)
	if rsp, _ := ask(t, at, testkit.Patience); rsp == nil {
		t.Error("the first connection is not served")
	}
	if rsp, _ := ask(t, at, time.Second); rsp != nil {
		t.Error("a second connection is served")
	}
}

// ask makes a request over a connection of its own, which stays open.
func ask(t *testing.T, at string, patience time.Duration) (*http.Response, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	rsp, _ := http.ReadResponse(bufio.NewReader(conn), nil)
	return rsp, conn
}

// A WebSocket of which nothing comes is such a connection.
func TestConnectionsThatHandlersTookOverCountUntilTheyEnd(t *testing.T) {
	s := newServer(t, server.MaxConnections(1))
	s.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Time{})
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n")
		_, _ = io.Copy(io.Discard, conn)
	}))
	at := start(t, s)
	rsp, held := ask(t, at, testkit.Patience)
	if rsp == nil {
		t.Fatal("the first connection is not served")
	}
	if rsp, waiting := ask(t, at, time.Second); rsp != nil {
		t.Error("a second connection is served")
	} else {
		_ = waiting.Close()
	}
	_ = held.Close()
	if rsp, last := ask(t, at, testkit.Patience); rsp == nil {
		t.Error("nothing is served when the first has ended")
	} else {
		_ = last.Close()
	}
}
