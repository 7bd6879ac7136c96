// Package pki makes the certificates of a small private certificate authority,
// with ed25519 keys and everything in PEM.
//
// CA makes the authority, CSR what somebody asks it to certify, and Sign the
// certificate. Certificates are good for both ends of mutual TLS.
//
// An Authority does all of that for services, and hands out a Source: what a
// transport and a broker take for mutual TLS. Files is the source for certificates
// that somebody else issues, Default the one behind transport.Secure(true).
package pki

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
)

const (
	certificateType = "CERTIFICATE"
	requestType     = "CERTIFICATE REQUEST"
	keyType         = "PRIVATE KEY"
)

// serialBits is the size of the serial numbers chosen here.
const serialBits = 128

// The uses of every certificate. An authority is limited to the uses of what it
// signs, so both have the same.
var extendedUses = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}

const endUses = x509.KeyUsageKeyEncipherment | x509.KeyUsageDigitalSignature

// GenerateKey returns a new key pair.
func GenerateKey() (ed25519.PublicKey, ed25519.PrivateKey, error) {
	return ed25519.GenerateKey(rand.Reader)
}

// CA returns the self-signed certificate of an authority and its key, both in
// PEM. It needs KeyPair, NotBefore and NotAfter, and chooses a serial number
// when there is none.
func CA(opts ...CertOption) (cert []byte, key []byte, err error) {
	options := newCertOptions(opts)
	template, err := options.template()
	if err != nil {
		return nil, nil, fmt.Errorf("Couldn't sign certificate: %w", err)
	}
	template.IsCA = true
	template.KeyUsage |= x509.KeyUsageCertSign
	template.Subject = options.Subject
	template.DNSNames = options.DNSNames
	template.IPAddresses = options.IPAddresses
	template.URIs = options.URIs
	if len(options.Pub) != ed25519.PublicKeySize || len(options.Priv) != ed25519.PrivateKeySize {
		return nil, nil, errors.New("Couldn't sign certificate: no key; give one with KeyPair")
	}
	cert, err = create(template, template, options.Pub, options.Priv)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(options.Priv)
	if err != nil {
		return nil, nil, fmt.Errorf("couldn't encode cert: %w", err)
	}
	return cert, encode(keyType, der), nil
}

// CSR returns a request, in PEM, for a certificate with the subject and the
// names of the options. It needs KeyPair.
func CSR(opts ...CertOption) ([]byte, error) {
	options := newCertOptions(opts)
	if len(options.Priv) != ed25519.PrivateKeySize {
		return nil, errors.New("create certificate request: no key; give one with KeyPair")
	}
	template := &x509.CertificateRequest{
		Subject:            options.Subject,
		SignatureAlgorithm: x509.PureEd25519,
		DNSNames:           options.DNSNames,
		IPAddresses:        options.IPAddresses,
		URIs:               options.URIs,
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, options.Priv)
	if err != nil {
		return nil, fmt.Errorf("create certificate request: %w", err)
	}
	return encode(requestType, der), nil
}

// Sign returns the certificate, in PEM, that the authority issues for a request:
// with the request's key, subject and names. It needs NotBefore and NotAfter,
// and chooses a serial number when there is none. The request must be signed
// with the key it is for.
func Sign(caCert, caKey, csr []byte, opts ...CertOption) ([]byte, error) {
	authority, err := parseCA(caCert)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(caKey)
	if err != nil {
		return nil, err
	}
	request, err := parseRequest(csr)
	if err != nil {
		return nil, err
	}
	options := newCertOptions(opts)
	template, err := options.template()
	if err != nil {
		return nil, fmt.Errorf("Couldn't sign certificate: %w", err)
	}
	template.Subject = request.Subject
	template.DNSNames = request.DNSNames
	template.IPAddresses = request.IPAddresses
	template.URIs = request.URIs
	return create(template, authority, request.PublicKey, key)
}

// template returns what certificates of authorities and others have in common.
func (o CertOptions) template() (*x509.Certificate, error) {
	if o.NotBefore.IsZero() || o.NotAfter.IsZero() {
		return nil, errors.New("no validity; set it with NotBefore and NotAfter")
	}
	if !o.NotAfter.After(o.NotBefore) {
		return nil, fmt.Errorf("it would end at %v, before it begins at %v", o.NotAfter, o.NotBefore)
	}
	serial := o.SerialNumber
	if serial == nil {
		var err error
		if serial, err = randomSerial(); err != nil {
			return nil, err
		}
	}
	return &x509.Certificate{
		SignatureAlgorithm:    x509.PureEd25519,
		SerialNumber:          serial,
		NotBefore:             o.NotBefore,
		NotAfter:              o.NotAfter,
		KeyUsage:              endUses,
		ExtKeyUsage:           extendedUses,
		BasicConstraintsValid: true,
	}, nil
}

// randomSerial returns a positive number of up to 128 bits.
func randomSerial() (*big.Int, error) {
	limit := new(big.Int).Lsh(big.NewInt(1), serialBits)
	serial, err := rand.Int(rand.Reader, limit.Sub(limit, big.NewInt(1)))
	if err != nil {
		return nil, fmt.Errorf("choose a serial number: %w", err)
	}
	return serial.Add(serial, big.NewInt(1)), nil
}

func create(template, parent *x509.Certificate, pub any, priv ed25519.PrivateKey) ([]byte, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, pub, priv)
	if err != nil {
		return nil, fmt.Errorf("Couldn't sign certificate: %w", err)
	}
	return encode(certificateType, der), nil
}

func encode(blockType string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der})
}

func parseCA(data []byte) (*x509.Certificate, error) {
	der, err := decode("CA Crt", "CA Crt", data)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("ca is not a valid certificate: %w", err)
	}
	if !cert.IsCA {
		return nil, errors.New("ca is not a valid certificate: it is not that of an authority")
	}
	return cert, nil
}

func parseKey(data []byte) (ed25519.PrivateKey, error) {
	der, err := decode("CA  Key", "CA Key", data)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("ca key is not a valid private key: %w", err)
	}
	private, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("ca key is not a valid private key: it is a %T, want ed25519", key)
	}
	return private, nil
}

func parseRequest(data []byte) (*x509.CertificateRequest, error) {
	der, err := decode("CSR", "CSR", data)
	if err != nil {
		return nil, err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, fmt.Errorf("csr is invalid: %w", err)
	}
	if err := request.CheckSignature(); err != nil {
		return nil, fmt.Errorf("csr is invalid: %w", err)
	}
	return request, nil
}

// decode returns the content of the only PEM block in data. The two names of
// what it holds stand in the errors.
func decode(failed, counted string, data []byte) ([]byte, error) {
	var ders [][]byte
	for rest := data; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			if left := bytes.TrimSpace(rest); len(left) > 0 || len(ders) == 0 {
				return nil, fmt.Errorf("failed to decode %s PEM: %w", failed, errNotPEM)
			}
			break
		}
		ders = append(ders, block.Bytes)
	}
	if len(ders) != 1 {
		return nil, fmt.Errorf("expected 1 %s, got %d", counted, len(ders))
	}
	return ders[0], nil
}

var errNotPEM = errors.New("PEM is not valid")
