package tls_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"fmt"
	"slices"
	"testing"
	"time"

	mtls "github.com/justcy/go-micro/v4/util/tls"
)

func ExampleCertificate() {
	cert, _ := mtls.Certificate("localhost", "127.0.0.1")
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	_, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: roots})
	fmt.Println(cert.Leaf.DNSNames, cert.Leaf.IPAddresses, err)
	// Output: [localhost] [127.0.0.1] <nil>
}

func TestACertificateVerifiesItsHosts(t *testing.T) {
	cert, err := mtls.Certificate("localhost", "::1")
	if err != nil {
		t.Fatal(err)
	}
	key, ok := cert.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		t.Errorf("the key is a %T", cert.PrivateKey)
	}
	c, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	usage := x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign
	if !slices.Equal(c.Subject.Organization, []string{"Acme Co"}) || !c.IsCA || c.KeyUsage != usage ||
		!slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) {
		t.Errorf("the certificate is %v, CA %v, usage %v %v", c.Subject, c.IsCA, c.KeyUsage, c.ExtKeyUsage)
	}
	if c.NotAfter.Sub(c.NotBefore) != 365*24*time.Hour || c.SerialNumber.BitLen() > 128 {
		t.Errorf("it is valid from %v to %v, its serial has %d bits", c.NotBefore, c.NotAfter, c.SerialNumber.BitLen())
	}
	if err := c.CheckSignatureFrom(c); err != nil {
		t.Errorf("it is not self-signed: %v", err)
	}
	for _, host := range []string{"localhost", "::1"} {
		if err := c.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if other, err := mtls.Certificate(); err != nil || other.Leaf.SerialNumber.Cmp(c.SerialNumber) == 0 {
		t.Errorf("the serial is not random, the error %v", err)
	}
}
