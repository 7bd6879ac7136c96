package transport_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/transport"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// insecure accepts the self-signed certificates of the tests.
func insecure() *tls.Config { return &tls.Config{InsecureSkipVerify: true} }

// trusted returns configurations for both ends with a certificate for hosts.
func trusted(t *testing.T, hosts ...string) *tls.Config {
	t.Helper()
	cert, err := mtls.Certificate(hosts...)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots}
}

func TestTLSConfigAloneMakesTheTransportSecure(t *testing.T) {
	tr := transport.NewHTTPTransport(transport.TLSConfig(trusted(t, "127.0.0.1")))
	l := listen(t, tr, echo)
	if m := exchange(t, dial(t, tr, l.Addr()), "hello"); string(m.Body) != "hello" {
		t.Errorf("the reply is %q", m.Body)
	}
	state := handshake(t, l.Addr(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2", "http/1.1"}})
	if state.NegotiatedProtocol != "http/1.1" || state.Version < tls.VersionTLS12 {
		t.Errorf("the protocol is %q, the version %x", state.NegotiatedProtocol, state.Version)
	}
}

func handshake(t *testing.T, addr string, config *tls.Config) tls.ConnectionState {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState()
}

// Improves on v4, which writes into the caller's configuration.
func TestCallersTLSConfigIsNotMutated(t *testing.T) {
	config := trusted(t, "127.0.0.1")
	tr := transport.NewHTTPTransport(transport.TLSConfig(config))
	exchange(t, dial(t, tr, listen(t, tr, echo).Addr()), "hello")
	if config.NextProtos != nil || config.ServerName != "" {
		t.Errorf("the configuration has protocols %v and server name %q", config.NextProtos, config.ServerName)
	}
}

func TestCertificatesAreVerifiedUnlessToldOtherwise(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(transport.InsecureTLS(), quiet), echo)
	tr := transport.NewHTTPTransport(transport.Secure(true), quiet)
	_, err := tr.Dial(l.Addr())
	if err == nil || !errors.Is(err, transport.ErrNotSent) || !strings.Contains(err.Error(), "tls handshake with "+l.Addr()) {
		t.Errorf("the error is %v", err)
	}
	exchange(t, dial(t, tr, l.Addr(), transport.WithInsecureSkipVerify(true)), "hello")
}

func TestGeneratedCertificateIsForTheListenHost(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", ":0", "0.0.0.0:0"} {
		tr := transport.NewHTTPTransport(transport.Secure(true), quiet)
		l, err := tr.Listen(addr)
		if err != nil {
			t.Fatal(err)
		}
		serve(t, l, echo)
		_, port, _ := net.SplitHostPort(l.Addr())
		cert := handshake(t, "127.0.0.1:"+port, insecure()).PeerCertificates[0]
		if !slices.ContainsFunc(cert.IPAddresses, net.IPv4(127, 0, 0, 1).Equal) {
			t.Errorf("listening on %s gives a certificate for %v", addr, cert.IPAddresses)
		}
	}
}

func TestNetListenerIsServedAsItIs(t *testing.T) {
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := transport.NewHTTPTransport(transport.Secure(true)).Listen("ignored", transport.NetListener(nil), transport.NetListener(nl))
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, echo)
	if l.Addr() != nl.Addr().String() {
		t.Errorf("the address is %s", l.Addr())
	}
	exchange(t, dial(t, transport.NewHTTPTransport(), l.Addr()), "no TLS on top")
}

func TestListenPicksThePortOfARange(t *testing.T) {
	tr := transport.NewHTTPTransport()
	first, err := tr.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	_, port, _ := net.SplitHostPort(first.Addr())
	var low int
	fmt.Sscan(port, &low)
	l, err := tr.Listen(fmt.Sprintf("127.0.0.1:%d-%d", low, min(low+50, 65535)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if l.Addr() == first.Addr() {
		t.Errorf("both listen on %s", l.Addr())
	}
}

func TestWithConnCloseAnnouncesTheEnd(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(), func(s transport.Socket) {
		var m transport.Message
		if s.Recv(&m) == nil {
			s.Send(&transport.Message{Body: []byte(m.Header["Connection"])})
		}
	})
	c := dial(t, transport.NewHTTPTransport(), l.Addr(), transport.WithConnClose())
	if m := exchange(t, c, ""); string(m.Body) != "close" {
		t.Errorf("the header Connection is %q", m.Body)
	}
	if c.(transport.Reuser).Reusable() {
		t.Error("the connection is reusable")
	}
}

func TestSendToAClosedPeerHasSentNothing(t *testing.T) {
	accepted := make(chan struct{})
	l := listen(t, transport.NewHTTPTransport(), func(s transport.Socket) {
		var m transport.Message
		s.Recv(&m)
		close(accepted)
	})
	c := dial(t, transport.NewHTTPTransport(), l.Addr(), transport.WithStream())
	if err := c.Send(&transport.Message{}); err != nil {
		t.Fatal(err)
	}
	<-accepted
	l.Close()
	large := &transport.Message{Body: make([]byte, 8<<20)}
	for range 1000 { // the first may still fit into the system's buffers
		if err := c.Send(large); err != nil {
			if !errors.Is(err, transport.ErrNotSent) {
				t.Errorf("the error is %v", err)
			}
			return
		}
	}
	t.Error("sending to a closed peer succeeds")
}

func TestDialIsCancelledDuringTheHandshake(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // never speaks TLS
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		conn, err := silent.Accept()
		if err == nil {
			defer conn.Close()
			conn.Read(make([]byte, 1))
			cancel()
			io.Copy(io.Discard, conn)
		}
	}()
	_, err = transport.NewHTTPTransport(transport.Secure(true)).Dial(silent.Addr().String(),
		transport.WithContext(ctx), transport.WithTimeout(0))
	if !errors.Is(err, context.Canceled) || !errors.Is(err, transport.ErrNotSent) {
		t.Errorf("the error is %v", err)
	}
}

// proxyChild is set in the environment of the process that dials by proxy: Go
// reads the proxy variables once a process.
const proxyChild = "TRANSPORT_TEST_PROXY_CHILD"

// TestProxyChild is the dialling half of the tests below.
func TestProxyChild(t *testing.T) {
	kind := os.Getenv(proxyChild)
	if kind == "" {
		t.Skip("run by the proxy tests")
	}
	tr := transport.NewHTTPTransport()
	if kind == "tls" {
		tr.Init(transport.Secure(true))
	}
	addr := "target.test:99"
	if kind == "lines" {
		addr = "target.test\r\nInjected: 1\r\nX:99"
	}
	c, err := tr.Dial(addr, transport.WithInsecureSkipVerify(true))
	if err != nil {
		fmt.Printf("dial: %v; not sent: %v\n", err, errors.Is(err, transport.ErrNotSent))
		return
	}
	defer c.Close()
	fmt.Printf("reply: %s\n", exchange(t, c, "through the tunnel").Body)
}

// runProxyChild dials target.test:99 in a process with the proxy set.
func runProxyChild(t *testing.T, proxy, kind string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxyChild$", "-test.v")
	cmd.Env = append(os.Environ(), proxyChild+"="+kind, "HTTPS_PROXY="+proxy, "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// proxy answers one CONNECT with a tunnel to addr or with a refusal.
func proxy(t *testing.T, addr string) (at string, requests <-chan *http.Request) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	seen := make(chan *http.Request, 1)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			t.Errorf("the proxy reads: %v", err)
			return
		}
		seen <- r
		if addr == "" {
			io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
			return
		}
		target, err := net.Dial("tcp", addr)
		if err != nil {
			t.Errorf("the proxy dials: %v", err)
			return
		}
		defer target.Close()
		io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
		go io.Copy(target, conn)
		io.Copy(conn, target)
	}()
	return l.Addr().String(), seen
}

func TestProxyTunnelsPlainMessages(t *testing.T) {
	t.Parallel()
	at, requests := proxy(t, listen(t, transport.NewHTTPTransport(), echo).Addr())
	if out := runProxyChild(t, "http://user:secret@"+at, "plain"); !strings.Contains(out, "reply: through the tunnel\n") {
		t.Errorf("the child says %s", out)
	}
	r := <-requests
	if r.Method != "CONNECT" || r.Host != "target.test:99" || r.UserAgent() != "micro/latest" ||
		r.Header.Get("Proxy-Authorization") != "Basic dXNlcjpzZWNyZXQ=" {
		t.Errorf("the proxy is asked %s %s %v", r.Method, r.Host, r.Header)
	}
}

// Improves on v4, which makes the handshake with the proxy.
func TestProxyTLSHandshakeIsWithTheTarget(t *testing.T) {
	t.Parallel()
	at, _ := proxy(t, listen(t, transport.NewHTTPTransport(transport.Secure(true)), echo).Addr())
	if out := runProxyChild(t, "http://"+at, "tls"); !strings.Contains(out, "reply: through the tunnel\n") {
		t.Errorf("the child says %s", out)
	}
}

// Addresses come from registries that anybody on the network may write to.
func TestProxyIsNotSentAnAddressOfSeveralLines(t *testing.T) {
	at, requests := proxy(t, "")
	out := runProxyChild(t, "http://"+at, "lines")
	if !strings.Contains(out, "not an address") {
		t.Errorf("the child says %s", out)
	}
	select {
	case r := <-requests:
		t.Errorf("the proxy is asked %s %s %v", r.Method, r.Host, r.Header)
	default:
	}
}

// Improves on v4, where a refusal yields a nil connection, a nil error and then
// a panic.
func TestProxyRefusalIsAnError(t *testing.T) {
	at, _ := proxy(t, "")
	out := runProxyChild(t, "http://"+at, "plain")
	if !strings.Contains(out, "refused: 407 Proxy Authentication Required; not sent: true") {
		t.Errorf("the child says %s", out)
	}
}

func TestProxyWithAnUnknownSchemeIsAnError(t *testing.T) {
	out := runProxyChild(t, "socks5://127.0.0.1:1", "plain")
	if !strings.Contains(out, "unsupported scheme") {
		t.Errorf("the child says %s", out)
	}
}
