package transport_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/transport"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// Client and server trust the same certificate. It is made on the spot here; in
// production each service has one of its own, signed by an authority that is in
// the RootCAs of all.
func ExampleTLSConfig() {
	certificate, err := mtls.Certificate("127.0.0.1")
	if err != nil {
		fmt.Println(err)
		return
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(certificate.Leaf)
	t := transport.NewHTTPTransport(transport.TLSConfig(&tls.Config{
		Certificates: []tls.Certificate{certificate}, // for Listen
		RootCAs:      trusted,                        // for Dial
		MinVersion:   tls.VersionTLS12,
	}))

	l, err := t.Listen("127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	go l.Accept(func(s transport.Socket) {
		var m transport.Message
		if s.Recv(&m) == nil {
			s.Send(&m)
		}
	})
	c, err := t.Dial(l.Addr())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	var m transport.Message
	fmt.Println(c.Send(&transport.Message{Body: []byte("secret")}), c.Recv(&m), string(m.Body))
	// Output: <nil> <nil> secret
}

func TestADialThatTLSForbidsSaysWhichOptionsWork(t *testing.T) {
	secure, plain := transport.NewHTTPTransport(transport.Secure(true), quiet), transport.NewHTTPTransport(quiet)
	for name, tt := range map[string]struct {
		listener transport.Transport
		want     string
	}{
		"another authority":  {transport.NewHTTPTransport(transport.MutualTLS(authority(t).Source()), quiet), "do both sides believe the same authority"},
		"Secure on one side": {plain, "does the listener have transport.Secure"},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, tt.listener, echo)
			if _, err := secure.Dial(l.Addr()); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestAListenerWithoutACertificateSaysWhichOptionsWork(t *testing.T) {
	tr := transport.NewHTTPTransport(func(o *transport.Options) { o.Secure = true })
	if _, err := tr.Listen("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "transport.Secure(true)") {
		t.Errorf("the error is %v", err)
	}
}

// Options run without a lock: they may use the transport they are for.
func TestAnOptionMayAskForTheOptionsInForce(t *testing.T) {
	for _, tr := range []transport.Transport{transport.NewHTTPTransport(), transport.NewMemoryTransport()} {
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				tr.Init(func(o *transport.Options) { o.Timeout = tr.Options().Timeout + 1 })
			})
		}
		all.Wait()
		if got := tr.Options().Timeout; got != 10 {
			t.Errorf("ten increments make %d", got)
		}
	}
}

func TestOptionsAreACopy(t *testing.T) {
	given := []string{"a"}
	for _, tr := range []transport.Transport{
		transport.NewHTTPTransport(transport.Addrs(given...)), transport.NewMemoryTransport(transport.Addrs(given...)),
	} {
		given[0] = "b"
		tr.Options().Addrs[0] = "c"
		if got := tr.Options().Addrs[0]; got != "a" {
			t.Errorf("the address is %q", got)
		}
		given[0] = "a"
	}
}
