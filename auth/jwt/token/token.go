// Package token turns accounts into signed tokens and back: JSON Web Tokens (RFC
// 7519) in the form of go-micro v4's jwt plugin.
//
//	p := token.New(token.WithPrivateKey(pem))
//	t, err := p.Generate(account, token.WithExpiry(time.Minute))
//	account, err = p.Inspect(t.Token)
//
// Keys are RSA of at least 2048 bits (the tokens are then RS256), ECDSA on P-256
// (ES256) or Ed25519 (EdDSA), in PEM or in base64 of PEM. A key takes tokens of its
// own algorithm only, whatever a token says of itself.
package token

import (
	"errors"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/store"
)

var (
	// ErrNotFound is for providers that keep tokens; the one here does not.
	ErrNotFound = errors.New("token not found")
	// ErrEncodingToken is returned, wrapped with the reason, when a token cannot
	// be signed.
	ErrEncodingToken = errors.New("error encoding the token")
	// ErrInvalidToken is returned when a token is not accepted, whatever the
	// reason: who sends bad tokens is told no more. It is auth.ErrInvalidToken.
	ErrInvalidToken = auth.ErrInvalidToken
)

// defaultExpiry is the lifetime of a token that was asked for without one.
const defaultExpiry = 15 * time.Minute

// Provider makes and inspects tokens. Its methods may be called concurrently.
type Provider interface {
	// Generate returns a token for the account, whose secret is not in it.
	Generate(acc *auth.Account, opts ...GenerateOption) (*Token, error)
	// Inspect returns the account of a token, or ErrInvalidToken.
	Inspect(token string) (*auth.Account, error)
	// String names the implementation.
	String() string
}

// Token is a token with its lifetime.
type Token struct {
	// Token is what is sent.
	Token string `json:"token"`
	// Created is when it was issued.
	Created time.Time `json:"created"`
	// Expiry is when it stops being accepted, in whole seconds.
	Expiry time.Time `json:"expiry"`
}

// Use is what a token is good for. Each is good for one thing only: a stolen
// refresh token opens no service.
type Use string

const (
	// Access is the use of tokens that are sent with calls.
	Access Use = ""
	// Refresh is the use of tokens that are exchanged for new ones.
	Refresh Use = "refresh"
	// Secret is the use of tokens that are the secret of an account.
	Secret Use = "secret"
)

// Options configure a Provider.
type Options struct {
	// Store is kept for providers that store tokens; the one here does not.
	Store store.Store
	// PublicKey checks tokens; several keys in one text are all accepted. When it
	// is empty it is that of PrivateKey.
	PublicKey string
	// PrivateKey signs tokens; without it none can be generated.
	PrivateKey string
}

// Option changes Options.
type Option func(o *Options)

// NewOptions returns empty options with opts applied.
func NewOptions(opts ...Option) Options {
	o := options.Of(opts)
	return o
}

// WithStore sets the store.
func WithStore(s store.Store) Option { return func(o *Options) { o.Store = s } }

// WithPublicKey sets the key that checks tokens.
func WithPublicKey(key string) Option { return func(o *Options) { o.PublicKey = key } }

// WithPrivateKey sets the key that signs tokens.
func WithPrivateKey(key string) Option { return func(o *Options) { o.PrivateKey = key } }

// GenerateOptions describe the token Generate makes.
type GenerateOptions struct {
	// Expiry is the lifetime.
	Expiry time.Duration
	// Use is what the token is good for.
	Use Use
	// Credential identifies what the token was had with, for who ends tokens when
	// that has changed: InspectAs returns it.
	Credential string
}

// GenerateOption changes GenerateOptions.
type GenerateOption func(o *GenerateOptions)

// NewGenerateOptions returns the options with opts applied, and with 15 minutes
// when no lifetime was set.
func NewGenerateOptions(opts ...GenerateOption) GenerateOptions {
	o := options.Of(opts)
	if o.Expiry == 0 {
		o.Expiry = defaultExpiry
	}
	return o
}

// WithExpiry sets the lifetime. A token with a negative one has expired already.
func WithExpiry(d time.Duration) GenerateOption { return func(o *GenerateOptions) { o.Expiry = d } }

// WithUse sets what the token is good for; Access by default.
func WithUse(u Use) GenerateOption { return func(o *GenerateOptions) { o.Use = u } }

// WithCredential sets what the token was had with; nothing by default.
func WithCredential(id string) GenerateOption {
	return func(o *GenerateOptions) { o.Credential = id }
}
