package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

// An identity is a self-signed certificate for 127.0.0.1, as a server shows it
// and as a client trusts it.
type identity struct {
	keyPair
	server, client *tls.Config
}

// A keyPair is the certificate of an identity and its key, as DER.
type keyPair struct {
	Certificate []byte `json:"certificate"`
	Key         []byte `json:"key"`
}

func newIdentity() (*identity, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "bench"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return (&keyPair{der, encoded}).identity()
}

// identity decodes the pair. Without one there is no identity.
func (k *keyPair) identity() (*identity, error) {
	if k == nil {
		return nil, nil
	}
	leaf, err := x509.ParseCertificate(k.Certificate)
	if err != nil {
		return nil, fmt.Errorf("certificate: %w", err)
	}
	key, err := x509.ParsePKCS8PrivateKey(k.Key)
	if err != nil {
		return nil, fmt.Errorf("key of the certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	certificate := tls.Certificate{Certificate: [][]byte{k.Certificate}, PrivateKey: key, Leaf: leaf}
	return &identity{
		keyPair: *k,
		server:  &tls.Config{Certificates: []tls.Certificate{certificate}},
		client:  &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"},
	}, nil
}

// both returns a configuration that can serve and dial.
func (i *identity) both() *tls.Config {
	config := i.server.Clone()
	config.RootCAs = i.client.RootCAs
	return config
}
