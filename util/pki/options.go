package pki

import (
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"net/url"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
)

// CertOptions describe a certificate or a request for one.
type CertOptions struct {
	// IsCA is set for authorities; CA makes one with or without it.
	IsCA bool
	// Subject the certificate is for.
	Subject pkix.Name
	// DNSNames the certificate is valid for.
	DNSNames []string
	// IPAddresses the certificate is valid for.
	IPAddresses []net.IP
	// URIs the certificate is valid for: SPIFFE IDs, for instance.
	URIs []*url.URL
	// SerialNumber is random when nil.
	SerialNumber *big.Int
	// NotBefore is when the validity begins. It must be set.
	NotBefore time.Time
	// NotAfter is when the validity ends. It must be set, and be later.
	NotAfter time.Time
	// Parent is not used: Sign takes the authority as an argument.
	Parent *x509.Certificate
	// Pub is the key that is certified.
	Pub ed25519.PublicKey
	// Priv is the key that signs.
	Priv ed25519.PrivateKey
}

// CertOption changes CertOptions.
type CertOption func(c *CertOptions)

func newCertOptions(opts []CertOption) CertOptions {
	options := options.Of(opts)
	return options
}

// Subject sets the subject.
func Subject(subject pkix.Name) CertOption {
	return func(c *CertOptions) { c.Subject = subject }
}

// IsCA says that the certificate is that of an authority.
func IsCA() CertOption {
	return func(c *CertOptions) { c.IsCA = true }
}

// DNSNames sets the host names.
func DNSNames(names ...string) CertOption {
	return func(c *CertOptions) { c.DNSNames = names }
}

// IPAddresses sets the addresses.
func IPAddresses(ips ...net.IP) CertOption {
	return func(c *CertOptions) { c.IPAddresses = ips }
}

// URIs sets the URIs.
func URIs(uris ...*url.URL) CertOption {
	return func(c *CertOptions) { c.URIs = uris }
}

// KeyPair sets both keys.
func KeyPair(pub ed25519.PublicKey, priv ed25519.PrivateKey) CertOption {
	return func(c *CertOptions) { c.Pub, c.Priv = pub, priv }
}

// SerialNumber sets the serial number.
func SerialNumber(serial *big.Int) CertOption {
	return func(c *CertOptions) { c.SerialNumber = serial }
}

// NotBefore sets when the validity begins.
func NotBefore(t time.Time) CertOption {
	return func(c *CertOptions) { c.NotBefore = t }
}

// NotAfter sets when the validity ends.
func NotAfter(t time.Time) CertOption {
	return func(c *CertOptions) { c.NotAfter = t }
}
