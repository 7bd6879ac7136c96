package pki_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/util/pki"
)

func validity() []pki.CertOption {
	return []pki.CertOption{pki.NotBefore(time.Now().Add(-time.Hour)), pki.NotAfter(time.Now().Add(time.Hour))}
}

func newKey(t testing.TB) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	pub, priv, err := pki.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return pub, priv
}

func newCA(t testing.TB) (cert, key []byte) {
	t.Helper()
	cert, key, err := pki.CA(append(validity(), pki.IsCA(), pki.KeyPair(newKey(t)), pki.Subject(pkix.Name{CommonName: "authority"}))...)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// newCSR returns a request and the key it is for.
func newCSR(t testing.TB) ([]byte, ed25519.PrivateKey) {
	t.Helper()
	pub, priv := newKey(t)
	csr, err := pki.CSR(
		pki.Subject(pkix.Name{CommonName: "greeter"}),
		pki.DNSNames("localhost"),
		pki.IPAddresses(net.IPv4(127, 0, 0, 1)),
		pki.KeyPair(pub, priv),
	)
	if err != nil {
		t.Fatal(err)
	}
	return csr, priv
}

func parse(t testing.TB, data []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		t.Fatalf("no certificate in %s", data)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestTheCAIsSelfSigned(t *testing.T) {
	certPEM, keyPEM := newCA(t)
	cert := parse(t, certPEM)
	if err := cert.CheckSignatureFrom(cert); err != nil {
		t.Error(err)
	}
	if !cert.IsCA || cert.SignatureAlgorithm != x509.PureEd25519 || cert.Subject.CommonName != "authority" {
		t.Errorf("got %+v", cert)
	}
	if want := x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign; cert.KeyUsage != want {
		t.Errorf("key usage is %b, want %b", cert.KeyUsage, want)
	}
	block, _ := pem.Decode(keyPEM)
	if block == nil || block.Type != "PRIVATE KEY" {
		t.Fatalf("no key in %s", keyPEM)
	}
	if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
		t.Error(err)
	}
}

func TestACertificateHasSubjectAndNamesOfTheRequest(t *testing.T) {
	caCert, caKey := newCA(t)
	csr, _ := newCSR(t)
	signed, err := pki.Sign(caCert, caKey, csr, append(validity(), pki.SerialNumber(big.NewInt(42)))...)
	if err != nil {
		t.Fatal(err)
	}
	cert := parse(t, signed)
	if cert.IsCA || cert.Subject.CommonName != "greeter" || cert.DNSNames[0] != "localhost" ||
		!cert.IPAddresses[0].Equal(net.IPv4(127, 0, 0, 1)) || cert.SerialNumber.Int64() != 42 {
		t.Errorf("got %+v", cert)
	}
	if want := x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature; cert.KeyUsage != want {
		t.Errorf("key usage is %b, want %b", cert.KeyUsage, want)
	}
	if err := cert.CheckSignatureFrom(parse(t, caCert)); err != nil {
		t.Error(err)
	}
}

func TestTheCertificateHoldsTheKeyOfTheRequest(t *testing.T) {
	caCert, caKey := newCA(t)
	csr, priv := newCSR(t)
	signed, err := pki.Sign(caCert, caKey, csr, validity()...)
	if err != nil {
		t.Fatal(err)
	}
	if !priv.Public().(ed25519.PublicKey).Equal(parse(t, signed).PublicKey) {
		t.Error("the certificate is not for the key of the request")
	}
}

func TestTheSignatureOfTheRequestIsChecked(t *testing.T) {
	caCert, caKey := newCA(t)
	csr, _ := newCSR(t)
	block, _ := pem.Decode(csr)
	block.Bytes[len(block.Bytes)-1] ^= 1 // the signature comes last
	_, err := pki.Sign(caCert, caKey, pem.EncodeToMemory(block), validity()...)
	if err == nil || !strings.HasPrefix(err.Error(), "csr is invalid: ") {
		t.Errorf("got %v", err)
	}
}

func TestSeveralPEMBlocksAreCounted(t *testing.T) {
	caCert, caKey := newCA(t)
	csr, _ := newCSR(t)
	twice := func(b []byte) []byte { return bytes.Repeat(b, 2) }
	for want, in := range map[string][3][]byte{
		"expected 1 CA Crt, got 2": {twice(caCert), caKey, csr},
		"expected 1 CA Key, got 3": {caCert, bytes.Repeat(caKey, 3), csr},
		"expected 1 CSR, got 2":    {caCert, caKey, twice(csr)},
	} {
		if _, err := pki.Sign(in[0], in[1], in[2], validity()...); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestBrokenInputIsNamed(t *testing.T) {
	caCert, caKey := newCA(t)
	csr, _ := newCSR(t)
	junk := []byte("junk")
	wrapped := pem.EncodeToMemory(&pem.Block{Type: "X", Bytes: junk})
	leaf, err := pki.Sign(caCert, caKey, csr, validity()...)
	if err != nil {
		t.Fatal(err)
	}
	_, otherKey := newCA(t)
	for _, tc := range []struct {
		cert, key, csr []byte
		want           string
	}{
		{junk, caKey, csr, "failed to decode CA Crt PEM: PEM is not valid"},
		{nil, caKey, csr, "failed to decode CA Crt PEM: PEM is not valid"},
		{caCert, junk, csr, "failed to decode CA  Key PEM: PEM is not valid"},
		{caCert, caKey, append(csr, junk...), "failed to decode CSR PEM: PEM is not valid"},
		{wrapped, caKey, csr, "ca is not a valid certificate: "},
		{leaf, caKey, csr, "ca is not a valid certificate: "},
		{caCert, wrapped, csr, "ca key is not a valid private key: "},
		{caCert, caKey, wrapped, "csr is invalid: "},
		{caCert, otherKey, csr, "Couldn't sign certificate: "},
	} {
		if _, err := pki.Sign(tc.cert, tc.key, tc.csr, validity()...); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("got %v, want %s", err, tc.want)
		}
	}
}

func TestWithoutASerialNumberARandomOneIsChosen(t *testing.T) {
	caCert, caKey := newCA(t)
	csr, _ := newCSR(t)
	seen := map[string]bool{}
	for range 3 {
		signed, err := pki.Sign(caCert, caKey, csr, validity()...)
		if err != nil {
			t.Fatal(err)
		}
		serial := parse(t, signed).SerialNumber
		if serial.Sign() <= 0 || serial.BitLen() > 128 || seen[serial.String()] {
			t.Errorf("serial number %v", serial)
		}
		seen[serial.String()] = true
	}
}

func TestZeroValidityIsRefused(t *testing.T) {
	caCert, caKey := newCA(t)
	csr, _ := newCSR(t)
	now := time.Now()
	for name, opts := range map[string][]pki.CertOption{
		"none":      nil,
		"no begin":  {pki.NotAfter(now)},
		"no end":    {pki.NotBefore(now)},
		"backwards": {pki.NotBefore(now), pki.NotAfter(now.Add(-time.Hour))},
	} {
		if _, err := pki.Sign(caCert, caKey, csr, opts...); err == nil {
			t.Errorf("%s: Sign accepted it", name)
		}
		if _, _, err := pki.CA(append(opts, pki.KeyPair(newKey(t)))...); err == nil {
			t.Errorf("%s: CA accepted it", name)
		}
	}
}

func TestKeysAreRequired(t *testing.T) {
	if _, _, err := pki.CA(validity()...); err == nil {
		t.Error("CA accepted no key")
	}
	if _, err := pki.CSR(); err == nil {
		t.Error("CSR accepted no key")
	}
}

func TestCertificatesAreForBothEndsOfMutualTLS(t *testing.T) {
	caCert, caKey := newCA(t)
	certificate := func() tls.Certificate {
		csr, priv := newCSR(t)
		signed, err := pki.Sign(caCert, caKey, csr, validity()...)
		if err != nil {
			t.Fatal(err)
		}
		return tls.Certificate{Certificate: [][]byte{parse(t, signed).Raw}, PrivateKey: priv}
	}
	roots := x509.NewCertPool()
	roots.AddCert(parse(t, caCert))
	a, b := net.Pipe()
	server := tls.Server(a, &tls.Config{
		Certificates: []tls.Certificate{certificate()}, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
	})
	client := tls.Client(b, &tls.Config{
		Certificates: []tls.Certificate{certificate()}, RootCAs: roots, ServerName: "localhost",
	})
	served := make(chan error, 1)
	go func() {
		defer a.Close()
		served <- server.Handshake()
	}()
	if err := client.Handshake(); err != nil {
		t.Errorf("client: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("server: %v", err)
	}
	b.Close()
}

func FuzzSign(f *testing.F) {
	caCert, caKey := newCA(f)
	csr, _ := newCSR(f)
	f.Add(csr)
	f.Add([]byte("-----BEGIN X-----\n-----END X-----\n"))
	f.Add(append(caCert, csr...))
	f.Fuzz(func(t *testing.T, request []byte) {
		_, _ = pki.Sign(caCert, caKey, request, validity()...)
	})
}

func ExampleSign() {
	from, until := pki.NotBefore(time.Now()), pki.NotAfter(time.Now().Add(24*time.Hour))
	pub, priv, _ := pki.GenerateKey()
	caCert, caKey, _ := pki.CA(pki.KeyPair(pub, priv), from, until)

	pub, priv, _ = pki.GenerateKey()
	csr, _ := pki.CSR(pki.KeyPair(pub, priv), pki.DNSNames("greeter.local"))

	cert, err := pki.Sign(caCert, caKey, csr, from, until)
	block, _ := pem.Decode(cert)
	fmt.Println(block.Type, err)
	// Output: CERTIFICATE <nil>
}
