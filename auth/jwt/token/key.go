package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v4"
)

const (
	// minRSABits is the smallest RSA key: RFC 7518, section 3.3.
	minRSABits = 2048
	// maxKeys is how many public keys are taken. Each costs a signature to check
	// for a token that none of them has signed.
	maxKeys = 8
)

// verifier checks the tokens that one key has signed.
type verifier struct {
	method jwt.SigningMethod
	head   string // how the tokens begin that are made here, with the dot
	parser *jwt.Parser
	public crypto.PublicKey
}

// claims returns what a token says that the key has signed.
func (v verifier) claims(token string) (*claims, error) {
	c := new(claims)
	rest, usual := strings.CutPrefix(token, v.head)
	if !usual {
		_, err := v.parser.ParseWithClaims(token, c, v.key)
		return c, err
	}
	// The header is known: that spares its decoding, which takes longer than all else
	// but the signature.
	body, signature, _ := strings.Cut(rest, ".")
	if err := v.method.Verify(token[:len(v.head)+len(body)], signature, v.public); err != nil {
		return nil, err
	}
	data, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil {
		return nil, err
	}
	return c, json.Unmarshal(data, c)
}

// key is the key for a token, unless that has extensions which one must understand:
// RFC 7515, section 4.1.11.
func (v verifier) key(t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok {
		return nil, errors.New("it has extensions that are not known")
	}
	return v.public, nil
}

// method is the one algorithm of a key.
func method(public crypto.PublicKey) (jwt.SigningMethod, error) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		if bits := k.N.BitLen(); bits < minRSABits {
			return nil, fmt.Errorf("an RSA key of %d bits is too short, use one of %d or more", bits, minRSABits)
		}
		return jwt.SigningMethodRS256, nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return nil, errors.New("an ECDSA key must be on the curve P-256")
		}
		return jwt.SigningMethodES256, nil
	case ed25519.PublicKey:
		return jwt.SigningMethodEdDSA, nil
	}
	return nil, fmt.Errorf("a key of type %T cannot check tokens: use RSA, ECDSA on P-256 or Ed25519", public)
}

func newVerifier(public crypto.PublicKey) (verifier, error) {
	m, err := method(public)
	if err != nil {
		return verifier{}, err
	}
	usual, err := jwt.New(m).SigningString()
	if err != nil {
		return verifier{}, err
	}
	return verifier{
		method: m,
		head:   usual[:strings.IndexByte(usual, '.')+1],
		// The claims are checked by check, with the tolerance for clocks.
		parser: jwt.NewParser(jwt.WithValidMethods([]string{m.Alg()}), jwt.WithoutClaimsValidation()),
		public: public,
	}, nil
}

// parsePublic reads the public keys in a text.
func parsePublic(text string) ([]crypto.PublicKey, error) {
	var keys []crypto.PublicKey
	err := eachBlock(text, func(b *pem.Block) error {
		key, err := publicKey(b)
		keys = append(keys, key)
		if len(keys) > maxKeys {
			return fmt.Errorf("there are more than %d keys", maxKeys)
		}
		return err
	})
	return keys, err
}

func publicKey(b *pem.Block) (crypto.PublicKey, error) {
	switch b.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(b.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(b.Bytes)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(b.Bytes)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	}
	return nil, fmt.Errorf("a PEM block of type %q is not a public key", b.Type)
}

// parsePrivate reads the one private key in a text.
func parsePrivate(text string) (crypto.Signer, error) {
	var keys []any
	err := eachBlock(text, func(b *pem.Block) error {
		if b.Type == "EC PARAMETERS" {
			return nil
		}
		key, err := privateKey(b)
		keys = append(keys, key)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(keys) != 1 {
		return nil, fmt.Errorf("there are %d private keys, want one", len(keys))
	}
	signer, ok := keys[0].(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of type %T cannot sign", keys[0])
	}
	return signer, nil
}

func privateKey(b *pem.Block) (any, error) {
	switch b.Type {
	case "PRIVATE KEY":
		return x509.ParsePKCS8PrivateKey(b.Bytes)
	case "RSA PRIVATE KEY":
		return x509.ParsePKCS1PrivateKey(b.Bytes)
	case "EC PRIVATE KEY":
		return x509.ParseECPrivateKey(b.Bytes)
	}
	return nil, fmt.Errorf("a PEM block of type %q is not a private key", b.Type)
}

// eachBlock calls f for every PEM block of a text, which may be in base64.
func eachBlock(text string, f func(*pem.Block) error) error {
	data := []byte(text)
	if !strings.Contains(text, "-----BEGIN") {
		decoded, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			return errors.New("it is neither PEM nor base64 of PEM")
		}
		data = decoded
	}
	found := false
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		found = true
		if err := f(block); err != nil {
			return err
		}
	}
	if !found {
		return errors.New("there is no PEM block in it")
	}
	return nil
}
