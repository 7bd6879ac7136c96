package token

import (
	"crypto"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v4"

	"github.com/justcy/go-micro/v4/auth"
)

const (
	// maxToken is how long a token may be. Everybody can send one.
	maxToken = 16 << 10
	// maxSkew is how far the clock of who issued a token may be ahead of ours.
	// What has expired has expired, whatever the clocks say.
	maxSkew = 10 * time.Second
)

// JWT is the Provider of this package. Make one with New.
type JWT struct {
	signer     crypto.Signer
	method     jwt.SigningMethod
	verifiers  []verifier
	privateErr error // why there is no signer
	publicErr  error // why there are no verifiers
}

// New returns a Provider with the keys of the options. What is wrong with a key is
// returned when it is needed, and by Err.
func New(opts ...Option) Provider {
	o := NewOptions(opts...)
	j := new(JWT)
	j.signer, j.method, j.privateErr = newSigner(o.PrivateKey)
	if j.verifiers, j.publicErr = newVerifiers(o.PublicKey, j.signer); j.publicErr != nil {
		j.verifiers = nil
	}
	return j
}

func newSigner(text string) (crypto.Signer, jwt.SigningMethod, error) {
	if text == "" {
		return nil, nil, nil
	}
	signer, err := parsePrivate(text)
	if err != nil {
		return nil, nil, fmt.Errorf("private key: %w", err)
	}
	m, err := method(signer.Public())
	if err != nil {
		return nil, nil, fmt.Errorf("private key: %w", err)
	}
	return signer, m, nil
}

func newVerifiers(text string, signer crypto.Signer) ([]verifier, error) {
	var keys []crypto.PublicKey
	switch {
	case text != "":
		var err error
		if keys, err = parsePublic(text); err != nil {
			return nil, fmt.Errorf("public key: %w", err)
		}
	case signer != nil:
		keys = []crypto.PublicKey{signer.Public()}
	}
	var verifiers []verifier
	for _, key := range keys {
		v, err := newVerifier(key)
		if err != nil {
			return nil, fmt.Errorf("public key: %w", err)
		}
		verifiers = append(verifiers, v)
	}
	return verifiers, nil
}

// Err tells what is wrong with the keys, nil when nothing is.
func (j *JWT) Err() error {
	if j.privateErr != nil {
		return j.privateErr
	}
	return j.publicErr
}

// claims is what a token says. The names are those of go-micro v4.
type claims struct {
	Type     string            `json:"type"`
	Scopes   []string          `json:"scopes"`
	Metadata map[string]string `json:"metadata"`
	Use      Use               `json:"use,omitempty"`
	Cred     string            `json:"cred,omitempty"`
	jwt.RegisteredClaims
}

// Valid is for the interface: see check.
func (*claims) Valid() error { return nil }

// check reports whether a token with these claims is accepted now for a use.
func (c *claims) check(now time.Time, use Use) bool {
	latest := now.Add(maxSkew)
	return c.Use == use &&
		c.ExpiresAt != nil && now.Before(c.ExpiresAt.Time) &&
		(c.NotBefore == nil || !c.NotBefore.After(latest)) &&
		(c.IssuedAt == nil || !c.IssuedAt.After(latest))
}

// String returns "jwt".
func (j *JWT) String() string { return "jwt" }

// Generate signs a token for the account. It fails with ErrEncodingToken.
func (j *JWT) Generate(acc *auth.Account, opts ...GenerateOption) (*Token, error) {
	switch {
	case j.privateErr != nil:
		return nil, fmt.Errorf("%w: %w", ErrEncodingToken, j.privateErr)
	case j.signer == nil:
		return nil, fmt.Errorf("%w: there is no private key", ErrEncodingToken)
	case acc == nil:
		return nil, fmt.Errorf("%w: the account is nil", ErrEncodingToken)
	}
	o := NewGenerateOptions(opts...)
	now := time.Now()
	expiry := now.Add(o.Expiry)
	signed, err := jwt.NewWithClaims(j.method, &claims{
		Type: acc.Type, Scopes: acc.Scopes, Metadata: acc.Metadata, Use: o.Use, Cred: o.Credential,
		RegisteredClaims: jwt.RegisteredClaims{
			Subject: acc.ID, Issuer: acc.Issuer, ExpiresAt: jwt.NewNumericDate(expiry),
		},
	}).SignedString(j.signer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrEncodingToken, err)
	}
	if len(signed) > maxToken {
		return nil, fmt.Errorf("%w: it would have %d bytes, more than %d: the account has too many scopes or too much metadata",
			ErrEncodingToken, len(signed), maxToken)
	}
	return &Token{Token: signed, Created: now, Expiry: expiry.Truncate(time.Second)}, nil
}

// Inspect returns the account of an access token that one of the keys has signed
// and that is valid now, or ErrInvalidToken.
func (j *JWT) Inspect(token string) (*auth.Account, error) {
	got, err := j.InspectAs(token, Access)
	return got.Account, err
}

// Inspected is what a token says that is accepted.
type Inspected struct {
	Account    *auth.Account
	Expiry     time.Time
	Credential string // of GenerateOptions
}

// InspectAs is Inspect for a token of another use, and returns all that is in it.
func (j *JWT) InspectAs(token string, use Use) (Inspected, error) {
	if len(token) > maxToken {
		return Inspected{}, ErrInvalidToken
	}
	for _, v := range j.verifiers {
		c, err := v.claims(token)
		if err != nil {
			continue
		}
		if !c.check(time.Now(), use) {
			break
		}
		return Inspected{
			Account: &auth.Account{
				ID: c.Subject, Type: c.Type, Issuer: c.Issuer, Scopes: c.Scopes, Metadata: c.Metadata,
			},
			Expiry: c.ExpiresAt.Time, Credential: c.Cred,
		}, nil
	}
	return Inspected{}, ErrInvalidToken
}
