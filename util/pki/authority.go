package pki

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/util/addr"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

const (
	// authorityLifetime is how long the certificate of an authority is valid.
	authorityLifetime = 10 * 365 * 24 * time.Hour
	// leafLifetime is how long the certificate of a service is. It is replaced
	// when a third of that is left.
	leafLifetime = 24 * time.Hour
	// backdate is how far in the past validity begins, for clocks that are behind.
	backdate = time.Hour
	// authorityFile is the name of the file with certificate and key.
	authorityFile = "authority.pem"
)

// Authority issues the certificates of services. Its methods may be called
// concurrently.
type Authority struct {
	certPEM, keyPEM []byte
	roots           *x509.CertPool
}

// NewAuthority makes an authority that lives in this process alone, unless its
// PEM is passed on.
func NewAuthority() (*Authority, error) {
	pub, priv, err := GenerateKey()
	if err != nil {
		return nil, fmt.Errorf("make an authority: %w", err)
	}
	now := time.Now()
	cert, key, err := CA(
		Subject(pkix.Name{Organization: []string{"go-micro"}, CommonName: "go-micro development authority"}),
		KeyPair(pub, priv), NotBefore(now.Add(-backdate)), NotAfter(now.Add(authorityLifetime)))
	if err != nil {
		return nil, fmt.Errorf("make an authority: %w", err)
	}
	return ParseAuthority(cert, key)
}

// ParseAuthority makes an authority of its certificate and key, both in PEM.
func ParseAuthority(certPEM, keyPEM []byte) (*Authority, error) {
	cert, err := parseCA(certPEM)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(keyPEM)
	if err != nil {
		return nil, err
	}
	if pub, ok := key.Public().(ed25519.PublicKey); !ok || !pub.Equal(cert.PublicKey) {
		return nil, errors.New("ca key is not a valid private key: it does not belong to the certificate")
	}
	if now := time.Now(); now.After(cert.NotAfter) {
		return nil, fmt.Errorf("ca is not a valid certificate: it ended at %v", cert.NotAfter)
	}
	a := &Authority{certPEM: certPEM, keyPEM: keyPEM, roots: x509.NewCertPool()}
	a.roots.AddCert(cert)
	return a, nil
}

// OpenAuthority returns the authority in a folder, and makes both when they are
// not there. Whoever can read the folder can be any service, so that it must
// belong to the user alone. Processes that open one folder at the same time get
// the same authority.
func OpenAuthority(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open authority: %w", err)
	}
	path := filepath.Join(dir, authorityFile)
	data, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = createAuthority(dir, path); err == nil {
			data, err = readFile(path)
		}
	}
	if err == nil {
		err = private(path)
	}
	if err != nil {
		return nil, fmt.Errorf("open authority: %w", err)
	}
	key := bytes.Index(data, []byte("-----BEGIN "+keyType))
	if key < 0 {
		return nil, fmt.Errorf("open authority: %s has no key; remove it to get another one", path)
	}
	a, err := ParseAuthority(data[:key], data[key:])
	if err != nil {
		return nil, fmt.Errorf("open authority: %s: %w; remove it to get another one", path, err)
	}
	return a, nil
}

// createAuthority writes a new authority to path, unless somebody else has.
func createAuthority(dir, path string) error {
	a, err := NewAuthority()
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(dir, ".authority-*") // which nobody else can read
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(append(bytes.Clone(a.certPEM), a.keyPEM...))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := os.Link(file.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// CertPEM returns the certificate of the authority, for those who are to believe
// it. It is not changed.
func (a *Authority) CertPEM() []byte { return a.certPEM }

// KeyPEM returns its key, which makes its owner the authority.
func (a *Authority) KeyPEM() []byte { return a.keyPEM }

// Issue returns a certificate for a service that is reached at hosts, names or IP
// addresses, with a new key. It is valid for a day.
func (a *Authority) Issue(service string, hosts ...string) (tls.Certificate, error) {
	pub, priv, err := GenerateKey()
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue a certificate for %s: %w", service, err)
	}
	now := time.Now()
	return a.issue(service, hosts, KeyPair(pub, priv), NotBefore(now.Add(-backdate)), NotAfter(now.Add(leafLifetime)))
}

// issue issues a certificate with a key pair and a validity.
func (a *Authority) issue(service string, hosts []string, opts ...CertOption) (tls.Certificate, error) {
	opts = append(opts, Subject(pkix.Name{Organization: []string{"go-micro"}, CommonName: service}))
	if service != "" {
		opts = append(opts, URIs(identityURI(service)))
	}
	var (
		ips  []net.IP
		dns  []string
		cert tls.Certificate
	)
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			ips = append(ips, ip)
		} else {
			dns = append(dns, h)
		}
	}
	opts = append(opts, IPAddresses(ips...), DNSNames(dns...))
	csr, err := CSR(opts...)
	if err == nil {
		var certPEM []byte
		if certPEM, err = Sign(a.certPEM, a.keyPEM, csr, opts...); err == nil {
			block, _ := pem.Decode(certPEM)
			cert = tls.Certificate{Certificate: [][]byte{block.Bytes}, PrivateKey: newCertOptions(opts).Priv}
			cert.Leaf, err = x509.ParseCertificate(block.Bytes)
		}
	}
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issue a certificate for %s: %w", service, err)
	}
	return cert, nil
}

// Source returns a source whose certificates this authority issues, each for a day
// and replaced in time. What it listens for is a service of that name; it dials as
// that service, too. Both ends of a connection have to show a certificate.
func (a *Authority) Source() mtls.Source {
	return &issuer{authority: a, trust: trust{roots: a.roots}, clientAuth: tls.RequireAndVerifyClientCert}
}

// issuer is a source of certificates that it issues itself.
type issuer struct {
	authority  *Authority
	trust      trust
	clientAuth tls.ClientAuthType

	mu      sync.Mutex
	servers map[mtls.Endpoint]*tls.Config
	own     *tls.Certificate // as which it dials
	service string           // whose that is
}

func (i *issuer) Server(e mtls.Endpoint) (*tls.Config, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if config := i.servers[e]; config != nil && lasting(&config.Certificates[0]) {
		return config, nil
	}
	cert, err := i.authority.Issue(e.Service, hosts(e.Addr)...)
	if err != nil {
		return nil, err
	}
	if i.servers == nil {
		i.servers = map[mtls.Endpoint]*tls.Config{}
	}
	config := i.trust.server(i.clientAuth, cert)
	i.servers[e] = config
	if e.Service != "" && e.Service != mtls.AnyService {
		i.own, i.service = &cert, e.Service
	}
	return config, nil
}

func (i *issuer) Client(e mtls.Endpoint) (*tls.Config, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.own == nil || !lasting(i.own) {
		cert, err := i.authority.Issue(i.service)
		if err != nil {
			return nil, err
		}
		i.own = &cert
	}
	return i.trust.client(e, *i.own), nil
}

// lasting reports whether a certificate need not be replaced yet.
func lasting(cert *tls.Certificate) bool {
	return time.Until(cert.Leaf.NotAfter) > leafLifetime/3
}

// hosts returns the hosts under which a listener on an address is dialled.
func hosts(address string) []string {
	h := host(address)
	if ip := net.ParseIP(h); h == "" || ip != nil && ip.IsUnspecified() {
		return append(addr.IPs(), "localhost")
	}
	return []string{h}
}
