package integration_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/justcy/go-micro/v4/broker"
	natsbroker "github.com/justcy/go-micro/v4/broker/nats"
	natssource "github.com/justcy/go-micro/v4/config/source/nats"
	"github.com/justcy/go-micro/v4/events/natsjs"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/registry"
	natsregistry "github.com/justcy/go-micro/v4/registry/nats"
	"github.com/justcy/go-micro/v4/transport"
	natstransport "github.com/justcy/go-micro/v4/transport/nats"
)

// opened closes what could be opened, and returns why it could not.
func opened(s any, err error) error {
	if c, ok := s.(io.Closer); ok && err == nil {
		return c.Close()
	}
	return err
}

// connections are all the ways to connect to an address.
func connections(addr string, config *tls.Config) map[string]func() error {
	return map[string]func() error{
		"events/natsjs": func() error {
			return opened(natsjs.NewStream(natsjs.Address(addr), natsjs.TLSConfig(config), natsjs.Timeout(2*time.Second)))
		},
		"broker/nats": func() error {
			b := natsbroker.NewBroker(broker.Addrs(addr), broker.TLSConfig(config))
			if err := b.Connect(); err != nil {
				return err
			}
			return b.Disconnect()
		},
		"registry/nats": func() error {
			r := natsregistry.NewRegistry(registry.Addrs(addr), registry.TLSConfig(config))
			defer r.(io.Closer).Close()
			_, err := r.ListServices()
			return err
		},
		"transport/nats": func() error {
			l, err := natstransport.NewTransport(transport.Addrs(addr), transport.TLSConfig(config)).Listen(":0")
			if err != nil {
				return err
			}
			return l.Close()
		},
	}
}

func TestNATSCredentialsAreUsedAndWrongOnesAreToldInTime(t *testing.T) {
	s := servers.NewNATSWith(t, func(o *server.Options) { o.Username, o.Password = "anna", "secret" })
	host := strings.TrimPrefix(s.URL, "nats://")
	for name, connect := range connections("nats://anna:secret@"+host, nil) {
		if err := connect(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, connect := range connections("nats://anna:wrong@"+host, nil) {
		began := time.Now()
		err := connect()
		if err == nil || !strings.Contains(strings.ToLower(err.Error()), "authorization") || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s with a wrong password: %v", name, err)
		}
		if took := time.Since(began); took > slack {
			t.Errorf("%s took %v to say so", name, took)
		}
	}
	source := natssource.NewSource(natssource.WithUrl("nats://anna:wrong@" + host))
	if _, err := source.Read(); err == nil || strings.Contains(err.Error(), "wrong") {
		t.Errorf("config/source/nats with a wrong password: %v", err)
	}
	must(t, opened(natsjs.NewStream(natsjs.Address(host), natsjs.Authenticate("anna", "secret"))))
}

func TestNATSKeysAreUsed(t *testing.T) {
	pair, err := nkeys.CreateUser()
	must(t, err)
	public, err := pair.PublicKey()
	must(t, err)
	seed, err := pair.Seed()
	must(t, err)
	s := servers.NewNATSWith(t, func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: public}} })
	file := filepath.Join(t.TempDir(), "user.nk")
	must(t, os.WriteFile(file, seed, 0o600))
	for _, config := range []string{string(seed), file} {
		must(t, opened(natsjs.NewStream(natsjs.Address(s.URL), natsjs.NkeyConfig(config))))
	}
	if err := opened(natsjs.NewStream(natsjs.Address(s.URL))); err == nil {
		t.Error("connected without a key")
	}
	opts := nats.GetDefaultOptions()
	must(t, nats.Nkey(public, pair.Sign)(&opts))
	b := natsbroker.NewBroker(broker.Addrs(s.URL), natsbroker.Options(opts))
	must(t, b.Connect())
	must(t, b.Disconnect())
}

func TestNATSConnectionsAreEncrypted(t *testing.T) {
	certificate, roots := selfSigned(t)
	s := servers.NewNATSWith(t, func(o *server.Options) {
		o.TLS, o.TLSTimeout = true, 30
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	})
	host := strings.TrimPrefix(s.URL, "nats://")
	trusting := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	for _, addr := range []string{host, "tls://" + host} {
		for name, connect := range connections(addr, trusting) {
			if err := connect(); err != nil {
				t.Errorf("%s at %s: %v", name, addr, err)
			}
		}
	}
	for name, connect := range connections("tls://"+host, nil) {
		if err := connect(); err == nil {
			t.Errorf("%s trusts a certificate of nobody", name)
		}
	}
}

// selfSigned returns a certificate for 127.0.0.1, and the pool that trusts it.
func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	parsed, err := x509.ParseCertificate(raw)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, roots
}
