package client

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// CertPoolFromFile returns a pool of the certificates in a file of PEM blocks.
func CertPoolFromFile(filename string) (*x509.CertPool, error) {
	if filename == "" {
		return nil, errors.New("error reading certificates from an empty filename")
	}
	data, err := os.ReadFile(filename)
	if err != nil {
		return nil, err
	}
	certs, err := CertsFromPEM(data)
	if err != nil {
		return nil, fmt.Errorf("error reading %s: %w", filename, err)
	}
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool, nil
}

// CertsFromPEM returns the certificates of PEM blocks. Blocks that are something
// else, or have headers, are skipped; there must be a certificate.
func CertsFromPEM(data []byte) ([]*x509.Certificate, error) {
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" || len(block.Headers) != 0 {
			continue
		}
		found, err := x509.ParseCertificates(block.Bytes)
		if err != nil {
			return certs, err
		}
		certs = append(certs, found...)
	}
	if len(certs) == 0 {
		return nil, errors.New("could not read any certificates")
	}
	return certs, nil
}
