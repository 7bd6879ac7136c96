package auth

import (
	"context"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
)

// defaultTokenExpiry is the lifetime of a token that was asked for without one.
const defaultTokenExpiry = time.Minute

// Options configure an Auth.
type Options struct {
	// Namespace the service belongs to; the issuer of its accounts.
	Namespace string
	// ID of the service's own account.
	ID string
	// Secret of the service's own account.
	Secret string
	// Token the service's clients authenticate with; nil for none.
	Token *Token
	// PublicKey checks tokens, PEM or base64-encoded PEM as the
	// implementation says.
	PublicKey string
	// PrivateKey signs tokens, encoded like PublicKey.
	PrivateKey string
	// Addrs of a remote auth service.
	Addrs []string
	// Logger is never nil in options made by NewOptions.
	Logger logger.Logger
}

// Option changes Options.
type Option func(o *Options)

// NewOptions returns the defaults with opts applied: the default logger and
// nothing else.
func NewOptions(opts ...Option) Options {
	options := options.With(Options{Logger: logger.DefaultLogger}, opts)
	return options
}

// Addrs sets the addresses of a remote auth service.
func Addrs(addrs ...string) Option {
	return func(o *Options) { o.Addrs = addrs }
}

// Namespace sets the namespace the service belongs to.
func Namespace(n string) Option {
	return func(o *Options) { o.Namespace = n }
}

// PublicKey sets the key that checks tokens.
func PublicKey(key string) Option {
	return func(o *Options) { o.PublicKey = key }
}

// PrivateKey sets the key that signs tokens.
func PrivateKey(key string) Option {
	return func(o *Options) { o.PrivateKey = key }
}

// WithLogger sets the logger.
func WithLogger(l logger.Logger) Option {
	return func(o *Options) { o.Logger = l }
}

// Credentials sets id and secret of the service's own account.
func Credentials(id, secret string) Option {
	return func(o *Options) { o.ID, o.Secret = id, secret }
}

// ClientToken sets the token the service's clients authenticate with.
func ClientToken(token *Token) Option {
	return func(o *Options) { o.Token = token }
}

// GenerateOptions describe the account Generate creates.
type GenerateOptions struct {
	// Metadata stored with the account.
	Metadata map[string]string
	// Scopes of the account.
	Scopes []string
	// Provider of the account, for instance an OAuth provider.
	Provider string
	// Type of the account.
	Type string
	// Secret of the account; implementations choose one when it is empty.
	Secret string
}

// GenerateOption changes GenerateOptions.
type GenerateOption func(o *GenerateOptions)

// NewGenerateOptions returns empty options with opts applied.
func NewGenerateOptions(opts ...GenerateOption) GenerateOptions {
	options := options.Of(opts)
	return options
}

// WithSecret sets the secret of the account.
func WithSecret(s string) GenerateOption {
	return func(o *GenerateOptions) { o.Secret = s }
}

// WithType sets the type of the account.
func WithType(t string) GenerateOption {
	return func(o *GenerateOptions) { o.Type = t }
}

// WithMetadata sets the metadata of the account.
func WithMetadata(md map[string]string) GenerateOption {
	return func(o *GenerateOptions) { o.Metadata = md }
}

// WithProvider sets the provider of the account.
func WithProvider(p string) GenerateOption {
	return func(o *GenerateOptions) { o.Provider = p }
}

// WithScopes sets the scopes of the account.
func WithScopes(s ...string) GenerateOption {
	return func(o *GenerateOptions) { o.Scopes = s }
}

// TokenOptions say what a token is asked for with: credentials, or the refresh
// token of an earlier one.
type TokenOptions struct {
	// ID of the account.
	ID string
	// Secret of the account.
	Secret string
	// RefreshToken of an earlier token.
	RefreshToken string
	// Expiry is the lifetime asked for; one minute when zero.
	Expiry time.Duration
}

// TokenOption changes TokenOptions.
type TokenOption func(o *TokenOptions)

// NewTokenOptions returns the options with opts applied and the default
// lifetime when none was set.
func NewTokenOptions(opts ...TokenOption) TokenOptions {
	options := options.Of(opts)
	if options.Expiry == 0 {
		options.Expiry = defaultTokenExpiry
	}
	return options
}

// WithExpiry sets the lifetime of the token.
func WithExpiry(ex time.Duration) TokenOption {
	return func(o *TokenOptions) { o.Expiry = ex }
}

// WithCredentials asks for a token with the id and secret of an account.
func WithCredentials(id, secret string) TokenOption {
	return func(o *TokenOptions) { o.ID, o.Secret = id, secret }
}

// WithToken asks for a token with the refresh token of an earlier one.
func WithToken(rt string) TokenOption {
	return func(o *TokenOptions) { o.RefreshToken = rt }
}

// VerifyOptions configure Rules.Verify.
type VerifyOptions struct {
	// Context bounds the look-up of rules; nil for none.
	Context context.Context
}

// VerifyOption changes VerifyOptions.
type VerifyOption func(o *VerifyOptions)

// VerifyContext sets the context of a Verify.
func VerifyContext(ctx context.Context) VerifyOption {
	return func(o *VerifyOptions) { o.Context = ctx }
}

// ListOptions configure Rules.List.
type ListOptions struct {
	// Context bounds the look-up of rules; nil for none.
	Context context.Context
}

// ListOption changes ListOptions.
type ListOption func(o *ListOptions)

// RulesContext sets the context of a List.
func RulesContext(ctx context.Context) ListOption {
	return func(o *ListOptions) { o.Context = ctx }
}
