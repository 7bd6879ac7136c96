// Package jwt is an Auth whose accounts and tokens are JSON Web Tokens: whoever
// has the public key verifies them without asking anybody.
//
//	issuer := jwt.NewAuth(auth.Namespace("shop"), auth.PrivateKey(privatePEM))
//	ada, err := issuer.Generate("ada", auth.WithScopes("admin"))
//	token, err := issuer.Token(auth.WithCredentials(ada.ID, ada.Secret), auth.WithExpiry(time.Hour))
//
//	service := micro.NewService(micro.Auth(jwt.NewAuth(auth.Namespace("shop"), auth.PublicKey(publicPEM))))
//
// Keys are RSA, ECDSA on P-256 or Ed25519, in PEM or base64 of PEM; see package
// token. The namespace, if there is one, is the issuer of all accounts, and tokens
// of another issuer are not accepted. A token cannot be called back: give it a
// short life, and a refresh token to go on.
//
// Importing the package makes it known to services as --auth jwt.
package jwt

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/jwt/token"
	"github.com/justcy/go-micro/v4/auth/rules"
	"github.com/justcy/go-micro/v4/internal/authguard"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/util/cmd"
)

const (
	// secretLifetime is how long the secret of an account lasts.
	secretLifetime = 10 * 365 * 24 * time.Hour
	// refreshMargin is how much longer a refresh token lasts than its access token.
	refreshMargin = time.Hour
)

func init() {
	cmd.DefaultAuths["jwt"] = NewAuth
	authguard.Link()
}

// NewAuth returns an Auth with the keys of the options. Accounts whose secret was
// chosen by WithSecret are kept in the process: see NewStoreAuth.
func NewAuth(opts ...auth.Option) auth.Auth {
	return NewStoreAuth(store.NewMemoryStore(), opts...)
}

// NewStoreAuth is NewAuth, with the accounts whose secret was chosen by WithSecret
// in a store, under keys that begin with "auth/accounts/": the account, and a hash
// of its secret (Argon2id). Other accounts have a secret that is a token itself,
// valid for ten years and stored nowhere.
func NewStoreAuth(s store.Store, opts ...auth.Option) auth.Auth {
	j := &jwt{accounts: accounts{store: s}, state: options.New(state{options: auth.NewOptions()})}
	j.Init(opts...)
	return j
}

// NewRules returns rules that are kept in the process. NewStoreRules keeps them in
// a store.
func NewRules() auth.Rules { return rules.New(store.NewMemoryStore()) }

// NewStoreRules returns the rules in a store, which all that use it share: see
// package rules.
func NewStoreRules(s store.Store, opts ...rules.Option) auth.Rules { return rules.New(s, opts...) }

type jwt struct {
	accounts accounts
	state    *options.Current[state]
}

// state is the options in force with what was made of them.
type state struct {
	options auth.Options
	keys    *token.JWT
	seen    *cache // what the keys have verified
}

// String returns "jwt".
func (j *jwt) String() string { return "jwt" }

// Init applies options. A key that cannot be used is logged: nothing is signed,
// or no token accepted, until there is another one.
func (j *jwt) Init(opts ...auth.Option) {
	_ = j.state.Change(func(s *state) error { // fails never
		old := s.options
		options.To(&s.options, opts)
		s.options.Addrs = slices.Clone(s.options.Addrs)
		if s.keys != nil && s.options.PublicKey == old.PublicKey && s.options.PrivateKey == old.PrivateKey {
			return nil
		}
		s.keys = token.New(token.WithPublicKey(s.options.PublicKey), token.WithPrivateKey(s.options.PrivateKey)).(*token.JWT)
		s.seen = new(cache)
		if err := s.keys.Err(); err != nil {
			logger.LoggerOrDefault(s.options.Logger).Logf(logger.ErrorLevel, "auth jwt: %v", err)
		}
		return nil
	})
}

// Options returns a copy of the options in force.
func (j *jwt) Options() auth.Options {
	o := j.state.Get().options
	o.Addrs = slices.Clone(o.Addrs)
	return o
}

// Generate makes an account. Without WithSecret its secret is a token; it fails
// with token.ErrEncodingToken when there is no private key for that.
func (j *jwt) Generate(id string, opts ...auth.GenerateOption) (*auth.Account, error) {
	if id == "" {
		return nil, errors.New("generate account: the id is empty")
	}
	s, o := j.state.Get(), auth.NewGenerateOptions(opts...)
	acc := &auth.Account{
		ID: id, Type: o.Type, Issuer: s.options.Namespace,
		Scopes: slices.Clone(o.Scopes), Metadata: maps.Clone(o.Metadata), Secret: o.Secret,
	}
	if acc.Secret != "" {
		if err := j.accounts.write(acc); err != nil {
			return nil, fmt.Errorf("generate account %s: %w", id, err)
		}
		return acc, nil
	}
	secret, err := s.keys.Generate(acc, token.WithUse(token.Secret), token.WithExpiry(secretLifetime))
	if err != nil {
		return nil, fmt.Errorf("generate account %s: %w", id, err)
	}
	acc.Secret = secret.Token
	return acc, nil
}

// Inspect returns the account of an access token, or auth.ErrInvalidToken. A token
// that was verified once costs no signature again until it expires.
func (j *jwt) Inspect(t string) (*auth.Account, error) {
	s := j.state.Get()
	acc, ok := s.seen.get(t)
	if !ok {
		got, err := s.keys.InspectAs(t, token.Access)
		if err != nil {
			return nil, auth.ErrInvalidToken
		}
		acc = got.Account
		s.seen.put(t, acc, got.Expiry)
	}
	if !s.issued(acc) {
		return nil, auth.ErrInvalidToken
	}
	return clone(acc), nil
}

// issued reports whether an account is of this namespace. Without one, those of
// all are accepted.
func (s *state) issued(acc *auth.Account) bool {
	return s.options.Namespace == "" || acc.Issuer == s.options.Namespace
}

func clone(acc *auth.Account) *auth.Account {
	c := *acc
	c.Scopes, c.Metadata = slices.Clone(acc.Scopes), maps.Clone(acc.Metadata)
	return &c
}

// Token exchanges the credentials of an account, or else a refresh token, for a
// new token. It fails with auth.ErrInvalidToken when they are not accepted and
// with token.ErrEncodingToken when there is no private key. The refresh token
// lasts an hour longer than the access token, and ends with the stored secret that
// it goes back to.
func (j *jwt) Token(opts ...auth.TokenOption) (*auth.Token, error) {
	s, o := j.state.Get(), auth.NewTokenOptions(opts...)
	acc, credential, err := j.authenticate(&s, &o)
	if err != nil {
		return nil, err
	}
	access, err := s.keys.Generate(acc, token.WithExpiry(o.Expiry))
	if err != nil {
		return nil, err
	}
	refresh, err := s.keys.Generate(acc, token.WithUse(token.Refresh), token.WithExpiry(o.Expiry+refreshMargin), token.WithCredential(credential))
	if err != nil {
		return nil, err
	}
	return &auth.Token{
		AccessToken: access.Token, RefreshToken: refresh.Token, Created: access.Created, Expiry: access.Expiry,
	}, nil
}

// authenticate returns the account that a token is asked for, and which stored
// secret that is due to, if it is.
func (j *jwt) authenticate(s *state, o *auth.TokenOptions) (*auth.Account, string, error) {
	if o.Secret == "" {
		got, err := s.keys.InspectAs(o.RefreshToken, token.Refresh)
		if err != nil || !s.issued(got.Account) {
			return nil, "", auth.ErrInvalidToken
		}
		acc, err := j.accounts.current(got.Account, got.Credential)
		return acc, got.Credential, err
	}
	got, err := s.keys.InspectAs(o.Secret, token.Secret)
	if err != nil {
		return j.accounts.authenticate(s.options.Namespace, o.ID, o.Secret)
	}
	if !s.issued(got.Account) || subtle.ConstantTimeCompare([]byte(got.Account.ID), []byte(o.ID)) != 1 {
		return nil, "", auth.ErrInvalidToken
	}
	return got.Account, "", nil
}
