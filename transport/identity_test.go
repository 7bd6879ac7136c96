package transport_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/pki"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

func authority(t testing.TB) *pki.Authority {
	t.Helper()
	a, err := pki.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// named makes a listener that of a service.
func named(service string) transport.ListenOption {
	return func(o *transport.ListenOptions) { o.Service = service }
}

// listenAs is listen for a service.
func listenAs(t testing.TB, tr transport.Transport, service string) string {
	t.Helper()
	l, err := tr.Listen("127.0.0.1:0", named(service))
	if err != nil {
		t.Fatal(err)
	}
	var accepting sync.WaitGroup
	accepting.Go(func() {
		if err := l.Accept(echo); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		l.Close()
		accepting.Wait()
	})
	return l.Addr()
}

// roundTrip dials an address, verifying a service unless that is empty.
func roundTrip(tr transport.Transport, service, addr string) error {
	if v, ok := tr.(transport.ServiceVerifier); ok {
		addr = v.ServiceAddr(service, addr)
	}
	c, err := tr.Dial(addr)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Send(&transport.Message{Header: map[string]string{"Micro-Id": "1"}, Body: []byte("x")}); err != nil {
		return err
	}
	var m transport.Message
	return c.Recv(&m)
}

// forms are the ways in which connections are made.
var forms = map[string][]transport.Option{"multiplexed": {quiet}, "plain": {quiet, transport.DisableMux()}}

func eachForm(t *testing.T, f func(t *testing.T, with func(...transport.Option) transport.Transport)) {
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			f(t, func(opts ...transport.Option) transport.Transport {
				return transport.NewHTTPTransport(append(opts, form...)...)
			})
		})
	}
}

func TestTwoSecureTransportsOfOneHostVerifyEachOther(t *testing.T) {
	eachForm(t, func(t *testing.T, with func(...transport.Option) transport.Transport) {
		at := listenAs(t, with(transport.Secure(true)), "greeter")
		client := with(transport.Secure(true))
		for service, fails := range map[string]bool{"greeter": false, "": false, "bank": true} {
			if err := roundTrip(client, service, at); (err != nil) != fails {
				t.Errorf("dialling %q: %v", service, err)
			}
		}
		if err := roundTrip(with(transport.Secure(true)), "bank", at); err == nil || !strings.Contains(err.Error(), "greeter") {
			t.Errorf("the error is %v", err)
		}
	})
}

// certificate issues one with a validity.
func certificate(t testing.TB, a *pki.Authority, service string, from, to time.Time) tls.Certificate {
	t.Helper()
	pub, priv, err := pki.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	opts := []pki.CertOption{pki.KeyPair(pub, priv), pki.DNSNames(service, "localhost"), pki.NotBefore(from), pki.NotAfter(to),
		pki.Subject(pkix.Name{CommonName: service})}
	csr, err := pki.CSR(opts...)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := pki.Sign(a.CertPEM(), a.KeyPEM(), csr, opts...)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(cert)
	return tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: priv}
}

// files writes a certificate, its key and an authority to files.
type files struct{ cert, key, ca string }

func newFiles(t testing.TB) files {
	dir := t.TempDir()
	return files{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "ca.pem")}
}

func (f files) source() mtls.Source { return pki.Files(f.cert, f.key, f.ca) }

// write replaces the files, one after the other, as a program does that knows of
// no more than one file at a time.
func (f files) write(t testing.TB, cert tls.Certificate, cas ...*pki.Authority) {
	t.Helper()
	key, ok := cert.PrivateKey.(ed25519.PrivateKey)
	if !ok {
		t.Fatal("not an ed25519 key")
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	var roots []byte
	for _, ca := range cas {
		roots = append(roots, ca.CertPEM()...)
	}
	for path, data := range map[string][]byte{
		f.ca:   roots,
		f.key:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		f.cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
	} {
		if err := errors.Join(os.WriteFile(path+".new", data, 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCertificatesThatDoNotFitAreRefused(t *testing.T) {
	here, there, now := authority(t), authority(t), time.Now()
	valid := func(a *pki.Authority, service string) tls.Certificate {
		return certificate(t, a, service, now.Add(-time.Hour), now.Add(time.Hour))
	}
	greeter, caller := valid(here, "greeter"), valid(here, "caller")
	for name, tc := range map[string]struct {
		server, client     tls.Certificate
		serverCA, clientCA *pki.Authority
		ok                 bool
	}{
		"right":                      {greeter, caller, here, here, true},
		"server of another service":  {valid(here, "bank"), caller, here, here, false},
		"server of another CA":       {valid(there, "greeter"), caller, here, here, false},
		"server expired":             {certificate(t, here, "greeter", now.Add(-2*time.Hour), now.Add(-time.Hour)), caller, here, here, false},
		"server not valid yet":       {certificate(t, here, "greeter", now.Add(time.Hour), now.Add(2*time.Hour)), caller, here, here, false},
		"client of another CA":       {greeter, valid(there, "caller"), here, here, false},
		"client expired":             {greeter, certificate(t, here, "caller", now.Add(-2*time.Hour), now.Add(-time.Hour)), here, here, false},
		"client believes another CA": {greeter, caller, here, there, false},
		"server believes another CA": {greeter, caller, there, here, false},
	} {
		t.Run(name, func(t *testing.T) {
			eachForm(t, func(t *testing.T, with func(...transport.Option) transport.Transport) {
				server, client := newFiles(t), newFiles(t)
				server.write(t, tc.server, tc.serverCA)
				client.write(t, tc.client, tc.clientCA)
				at := listenAs(t, with(transport.MutualTLS(server.source())), "greeter")
				if err := roundTrip(with(transport.MutualTLS(client.source())), "greeter", at); (err == nil) != tc.ok {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestMutualTLSNeedsACertificateOfTheClient(t *testing.T) {
	a := authority(t)
	at := listenAs(t, transport.NewHTTPTransport(transport.MutualTLS(a.Source()), quiet), "greeter")
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.CertPEM())
	for name, opt := range map[string]transport.Option{
		"no certificate":    transport.TLSConfig(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}),
		"nothing verified":  transport.TLSConfig(&tls.Config{InsecureSkipVerify: true}), //nolint:gosec // the test
		"of this host's CA": transport.Secure(true),
	} {
		if err := roundTrip(transport.NewHTTPTransport(opt, quiet), "", at); err == nil {
			t.Errorf("%s: it was let in", name)
		}
	}
	if err := roundTrip(transport.NewHTTPTransport(quiet), "", at); err == nil {
		t.Error("without TLS it was let in")
	}
}

func TestAServiceIsNamedByItsSPIFFEID(t *testing.T) {
	a := authority(t)
	tr := transport.NewHTTPTransport(transport.MutualTLS(a.Source()), quiet)
	for _, service := range []string{"go.micro.srv.greeter", "Käse/Brot", "with space", "a@b"} {
		at := listenAs(t, tr, service)
		if err := roundTrip(tr, service, at); err != nil {
			t.Errorf("%q: %v", service, err)
		}
		for _, other := range []string{service + "x", "x" + service, "x/" + service, "Brot"} {
			if err := roundTrip(tr, other, at); err == nil {
				t.Errorf("%q is taken for %q", service, other)
			}
		}
	}
}

// Two services may share an address in a registry that lies, but no connection.
func TestAConnectionToOneServiceServesNoOther(t *testing.T) {
	eachForm(t, func(t *testing.T, with func(...transport.Option) transport.Transport) {
		a := authority(t)
		at := listenAs(t, with(transport.MutualTLS(a.Source())), "greeter")
		client := with(transport.MutualTLS(a.Source()))
		for range 3 {
			if err := roundTrip(client, "greeter", at); err != nil {
				t.Fatal(err)
			}
			if err := roundTrip(client, "bank", at); err == nil {
				t.Fatal("the greeter is taken for the bank")
			}
		}
	})
}

// MICRO_TEST_ROTATIONS=1000 makes a longer test of it.
func TestRotationsFailNoCall(t *testing.T) {
	t.Parallel()
	rotations := 20
	if n, err := strconv.Atoi(os.Getenv("MICRO_TEST_ROTATIONS")); err == nil {
		rotations = n
	}
	old, next := authority(t), authority(t)
	server, client := newFiles(t), newFiles(t)
	now := time.Now()
	rotate := func(f files, service string, by *pki.Authority) tls.Certificate {
		cert := certificate(t, by, service, now.Add(-time.Hour), now.Add(time.Hour))
		f.write(t, cert, old, next)
		return cert
	}
	rotate(server, "greeter", old)
	rotate(client, "caller", old)
	at := listenAs(t, transport.NewHTTPTransport(transport.MutualTLS(server.source()), quiet), "greeter")
	callers := client.source()
	done := make(chan struct{})
	var calls [4]atomic.Int64
	var calling sync.WaitGroup
	stop := sync.OnceFunc(func() { close(done); calling.Wait() })
	defer stop()
	for i := range calls { // two that connect anew for each call, two that do not
		opts := []transport.Option{transport.MutualTLS(callers), quiet}
		if i%2 == 0 {
			opts = append(opts, transport.DisableMux())
		}
		tr := transport.NewHTTPTransport(opts...)
		calling.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if err := roundTrip(tr, "greeter", at); err != nil {
					t.Error(err)
					return
				}
				calls[i].Add(1)
			}
		})
	}
	for i := range rotations {
		by := old
		if i%2 == 1 {
			by = next
		}
		greeter, caller := rotate(server, "greeter", by), rotate(client, "caller", by)
		if shown := shownBy(t, at, caller); !bytes.Equal(shown, greeter.Certificate[0]) {
			t.Fatalf("rotation %d: the next connection has another certificate", i)
		}
		for c := range calls {
			before := calls[c].Load()
			testkit.Eventually(t, "a call that began after the rotation is answered", func() bool {
				return calls[c].Load() > before+1 || t.Failed()
			})
		}
		if t.Failed() {
			break
		}
	}
	stop()
	total := int64(0)
	for c := range calls {
		total += calls[c].Load()
	}
	t.Logf("%d rotations at each end, %d calls", rotations, total)
}

// shownBy returns the certificate that a listener shows to a client.
func shownBy(t *testing.T, at string, client tls.Certificate) []byte {
	t.Helper()
	conn, err := tls.Dial("tcp", at, &tls.Config{Certificates: []tls.Certificate{client}, InsecureSkipVerify: true}) //nolint:gosec // it is compared
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Raw
}

func TestFilesThatCannotBeUsedLeaveWhatWasReadBefore(t *testing.T) {
	a, f := authority(t), newFiles(t)
	src := f.source()
	if _, err := src.Server(mtls.Endpoint{}); err == nil {
		t.Error("files that are not there can be used")
	}
	now := time.Now()
	f.write(t, certificate(t, a, "greeter", now.Add(-time.Hour), now.Add(time.Hour)), a)
	first, err := src.Server(mtls.Endpoint{})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := src.Server(mtls.Endpoint{}); err != nil || again != first {
		t.Errorf("another configuration of the same files: %v", err)
	}
	for _, broken := range []string{"", "garbage", strings.Repeat("x", 2<<20)} {
		if err := os.WriteFile(f.cert, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if again, err := src.Server(mtls.Endpoint{}); err != nil || again != first {
			t.Errorf("with %d bytes: %v", len(broken), err)
		}
	}
	if err := os.Remove(f.key); err != nil {
		t.Fatal(err)
	}
	if again, err := src.Server(mtls.Endpoint{}); err != nil || again != first {
		t.Errorf("without a key: %v", err)
	}
	f.write(t, certificate(t, a, "greeter", now.Add(-time.Hour), now.Add(time.Hour)), a)
	if again, err := src.Server(mtls.Endpoint{}); err != nil || again == first {
		t.Errorf("what can be used again is not: %v", err)
	}
}

// warnings is a logger that keeps what it is warned of.
type warnings struct {
	logger.Logger
	mu   sync.Mutex
	text string
}

func (w *warnings) Logf(level logger.Level, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if level == logger.WarnLevel {
		w.text += fmt.Sprintf(format, args...) + "\n"
	}
}

func TestWhoVerifiesNobodyWarnsTheLog(t *testing.T) {
	at := listenAs(t, transport.NewHTTPTransport(transport.InsecureTLS(), quiet), "greeter")
	if err := roundTrip(transport.NewHTTPTransport(transport.InsecureTLS(), quiet), "bank", at); err != nil {
		t.Error(err)
	}
	if err := roundTrip(transport.NewHTTPTransport(transport.Secure(true), quiet), "", at); err == nil {
		t.Error("a self-signed certificate is believed")
	}
	for name, tc := range map[string]struct {
		opts []transport.Option
		dial []transport.DialOption
	}{
		"by a configuration": {[]transport.Option{transport.TLSConfig(&tls.Config{InsecureSkipVerify: true})}, nil}, //nolint:gosec // the test
		"by a dial option":   {[]transport.Option{transport.Secure(true)}, []transport.DialOption{transport.WithInsecureSkipVerify(true)}},
	} {
		log := new(warnings)
		tr := transport.NewHTTPTransport(append(tc.opts, transport.Logger(log))...)
		for range 3 {
			c, err := tr.Dial(at, append(tc.dial, transport.WithConnClose())...)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		}
		if n := strings.Count(log.text, "verifies nobody"); n != 1 {
			t.Errorf("%s: the log says %q", name, log.text)
		}
	}
}

// source is one of somebody else's making, as a value.
type source func() // which cannot be compared

func (source) Server(mtls.Endpoint) (*tls.Config, error) { return nil, errors.New("no vault") }
func (source) Client(mtls.Endpoint) (*tls.Config, error) { return nil, errors.New("no vault") }

func TestASourceMayFail(t *testing.T) {
	tr := transport.NewHTTPTransport(transport.MutualTLS(source(nil)), quiet)
	if _, err := tr.Listen("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "no vault") {
		t.Errorf("listen: %v", err)
	}
	at := listenAs(t, transport.NewHTTPTransport(quiet), "x")
	if err := roundTrip(tr, "x", at); err == nil || !strings.Contains(err.Error(), "no vault") {
		t.Errorf("dial: %v", err)
	}
}
