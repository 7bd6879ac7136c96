package pki

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// identityScheme is that of the URIs by which certificates name services: SPIFFE
// IDs. The last element of their path is the name.
const identityScheme = "spiffe"

// identityDomain is the trust domain of certificates issued here.
const identityDomain = "go-micro"

// identityURI is the URI that names a service. The name is one element of the path,
// whatever is in it: "x/bank" is not the bank.
func identityURI(service string) *url.URL {
	return &url.URL{Scheme: identityScheme, Host: identityDomain, Path: "/" + service, RawPath: "/" + url.PathEscape(service)}
}

// names reports whether a certificate was issued for a service: by a DNS name, or
// by a SPIFFE ID that ends with the name.
func names(cert *x509.Certificate, service string) bool {
	for _, name := range cert.DNSNames {
		if strings.EqualFold(name, service) {
			return true
		}
	}
	for _, uri := range cert.URIs {
		if uri.Scheme == identityScheme && uri.Host != "" && lastElement(uri) == service {
			return true
		}
	}
	return false
}

// lastElement is the last element of the path of a URI.
func lastElement(uri *url.URL) string {
	p := uri.EscapedPath()
	last, err := url.PathUnescape(p[strings.LastIndexByte(p, '/')+1:])
	if err != nil {
		return ""
	}
	return last
}

// trust is whom a client believes.
type trust struct {
	roots  *x509.CertPool // may vouch for services
	system bool           // the authorities of the system may vouch for hosts
}

// client returns the configuration of a connection to e, with a certificate if
// there is one.
func (t trust) client(e mtls.Endpoint, certificates ...tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		ServerName:   host(e.Addr),
		Certificates: certificates,
		// VerifyConnection does all that is left out here, and the name of the
		// service besides, also when a session is resumed.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection:   func(state tls.ConnectionState) error { return t.verify(state.PeerCertificates, e) },
	}
}

// server returns the configuration of a listener.
func (t trust) server(auth tls.ClientAuthType, certificate tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   auth,
		ClientCAs:    t.roots,
	}
}

// verify checks the certificates of a peer that should be e.
func (t trust) verify(chain []*x509.Certificate, e mtls.Endpoint) error {
	if len(chain) == 0 {
		return errors.New("the peer has no certificate")
	}
	opts := x509.VerifyOptions{Roots: t.roots, Intermediates: x509.NewCertPool()}
	for _, cert := range chain[1:] {
		opts.Intermediates.AddCert(cert)
	}
	leaf := chain[0]
	_, err := leaf.Verify(opts)
	switch {
	case err == nil && e.Service == mtls.AnyService:
		return nil
	case err == nil && e.Service != "":
		if !names(leaf, e.Service) {
			return fmt.Errorf("the certificate at %s is not that of service %s but of %s", e.Addr, e.Service, described(leaf))
		}
		return nil
	case err == nil:
		return leaf.VerifyHostname(host(e.Addr))
	}
	if t.system && e.Service != mtls.AnyService {
		opts.Roots, opts.DNSName = nil, host(e.Addr)
		if _, other := leaf.Verify(opts); other == nil {
			return nil
		}
	}
	return &tls.CertificateVerificationError{UnverifiedCertificates: chain, Err: err}
}

// described is whom a certificate is for.
func described(cert *x509.Certificate) string {
	var all []string
	for _, uri := range cert.URIs {
		all = append(all, uri.String())
	}
	if all = append(all, cert.DNSNames...); len(all) == 0 {
		return "nobody"
	}
	return strings.Join(all, ", ")
}

// host is the host of an address.
func host(addr string) string {
	h, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return h
}
