// Package acme_test has the gateway get its certificate from an authority: Pebble, the
// test server of Let's Encrypt. There is no check for goroutines here: one of Pebble's
// cannot be ended.
package acme_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/justcy/go-micro/v4/api/server"
	"github.com/justcy/go-micro/v4/api/server/acme"
	"github.com/justcy/go-micro/v4/api/server/acme/autocert"
	httpserver "github.com/justcy/go-micro/v4/api/server/http"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
)

const host = "gateway.example.test"

var quiet = logger.NewLogger(logger.WithOutput(io.Discard), logger.WithLevel(logger.FatalLevel))

// resolver is a DNS server for which every name is this machine.
func resolver(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") // which is how Pebble asks
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		answer := new(dns.Msg)
		answer.SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			rr, _ := dns.NewRR(q.Question[0].Name + " 1 IN A 127.0.0.1")
			answer.Answer = append(answer.Answer, rr)
		}
		_ = w.WriteMsg(answer)
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.ActivateAndServe()
	}()
	t.Cleanup(func() {
		_ = s.ShutdownContext(context.Background())
		_ = l.Close()
		<-ended
	})
	return l.Addr().String()
}

// authority runs Pebble, the test server of Let's Encrypt, which asks for proof at a
// port of this machine. It returns its roots.
func authority(t *testing.T, port int) (*httptest.Server, *x509.CertPool) {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	logger := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(logger, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "the only one"}})
	prover := va.New(logger, 1, port, false, resolver(t), store)
	front := wfe.New(logger, store, prover, issuer, []string{"example.test"}, false, false, 1, 1)
	s := httptest.NewTLSServer(front.Handler())
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(issuer.GetRootCert(0).Cert)
	return s, roots
}

func TestAGatewayGetsItsCertificateByACME(t *testing.T) {
	port := testkit.FreePort(t)
	ca, roots := authority(t, port)
	provider := autocert.New(acme.CA(ca.URL+wfe.DirectoryPath), acme.HTTPClient(ca.Client()), acme.Cache(t.TempDir()), acme.Logger(quiet))
	config, err := provider.TLSConfig(host)
	if err != nil {
		t.Fatal(err)
	}
	s := httpserver.NewServer(fmt.Sprintf("127.0.0.1:%d", port), server.EnableTLS(true), server.TLSConfig(config),
		server.Logger(quiet), server.AccessLog(nil))
	s.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "secure ", r.Proto) }))
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Stop() //nolint:errcheck // the test is over
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Address())
		},
	}
	defer transport.CloseIdleConnections()
	c := &http.Client{Transport: transport, Timeout: testkit.Patience}
	for range 2 { // the second time from the cache
		rsp, err := c.Get("https://" + host + "/")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(rsp.Body)
		_ = rsp.Body.Close()
		if string(body) != "secure HTTP/2.0" {
			t.Errorf("got %s", body)
		}
	}
	if _, err := c.Get("https://other.example.test/"); err == nil {
		t.Error("a host that is not listed got a certificate")
	}
}
