// Package auth is the interface to authentication and authorisation: who is
// calling, and may they.
//
// An Auth issues accounts, turns credentials into short-lived tokens and turns
// tokens back into accounts. Rules decide which account may reach which
// resource; Verify holds the matching every implementation shares. The built-in
// Auth, NewAuth, knows no users and trusts everybody, so that services run
// before a real one is chosen.
//
//	acc, err := a.Inspect(strings.TrimPrefix(header, auth.BearerScheme))
//	if err != nil {
//		return err
//	}
//	ctx = auth.ContextWithAccount(ctx, acc)
package auth

import (
	"errors"
	"time"
)

const (
	// BearerScheme precedes the access token in an Authorization header.
	BearerScheme = "Bearer "
	// ScopePublic is the scope of a rule that applies to everybody, callers
	// without an account included.
	ScopePublic = ""
	// ScopeAccount is the scope of a rule that applies to any account.
	ScopeAccount = "*"
)

var (
	// ErrInvalidToken is returned by Inspect and Token when a token or a pair
	// of credentials is malformed, unknown or expired.
	ErrInvalidToken = errors.New("invalid token provided")
	// ErrForbidden is returned when the rules do not let the account reach the
	// resource.
	ErrForbidden = errors.New("resource forbidden")
)

// DefaultAuth is what services use that name no Auth of their own.
var DefaultAuth Auth = NewAuth()

// Auth issues accounts and tokens. All methods may be called concurrently.
type Auth interface {
	// Init applies options on top of the ones already set.
	Init(opts ...Option)
	// Options returns a copy of the options in force.
	Options() Options
	// Generate creates the account with this id. The caller owns it.
	Generate(id string, opts ...GenerateOption) (*Account, error)
	// Inspect returns the account an access token was issued for, or
	// ErrInvalidToken.
	Inspect(token string) (*Account, error)
	// Token exchanges credentials or a refresh token for a new token, or
	// returns ErrInvalidToken.
	Token(opts ...TokenOption) (*Token, error)
	// String names the implementation.
	String() string
}

// Rules say which accounts may reach which resources. All methods may be called
// concurrently.
type Rules interface {
	// Verify returns nil when the account may reach the resource and
	// ErrForbidden when it may not. A nil account is an anonymous caller.
	Verify(acc *Account, res *Resource, opts ...VerifyOption) error
	// Grant adds a rule.
	Grant(rule *Rule) error
	// Revoke removes a rule.
	Revoke(rule *Rule) error
	// List returns the rules in force. The caller owns the slice.
	List(opts ...ListOption) ([]*Rule, error)
}

// Account is somebody who can be authenticated: a user or a service.
type Account struct {
	// ID is unique within the issuer.
	ID string `json:"id"`
	// Type of account, for instance "user" or "service".
	Type string `json:"type"`
	// Issuer is the namespace the account belongs to.
	Issuer string `json:"issuer"`
	// Metadata is whatever else was stored with the account.
	Metadata map[string]string `json:"metadata"`
	// Scopes are the roles of the account; rules refer to them.
	Scopes []string `json:"scopes"`
	// Secret proves the account's identity when it asks for a token.
	Secret string `json:"secret"`
}

// Token is a short-lived proof of identity with the means to renew it.
type Token struct {
	// AccessToken goes into the Authorization header of calls.
	AccessToken string `json:"access_token"`
	// RefreshToken is exchanged for the next Token before this one expires.
	RefreshToken string `json:"refresh_token"`
	// Created is when the token was issued.
	Created time.Time `json:"created"`
	// Expiry is when the access token stops being accepted.
	Expiry time.Time `json:"expiry"`
}

// Expired reports whether the expiry has passed, counted in whole seconds: a
// token is still valid within the second it expires in. The zero token is
// expired.
func (t *Token) Expired() bool {
	return t.Expiry.Unix() < time.Now().Unix()
}

// Resource is something that can be reached: an endpoint of a service.
type Resource struct {
	// Name of the resource, for instance the name of a service.
	Name string `json:"name"`
	// Type of the resource, for instance "service".
	Type string `json:"type"`
	// Endpoint within the resource: "Greeter.Hello", or a path as "/users/1".
	Endpoint string `json:"endpoint"`
}

// Access is what a rule does with the callers it applies to.
type Access int

const (
	// AccessGranted lets the caller through. It is the zero value.
	AccessGranted Access = iota
	// AccessDenied keeps the caller out.
	AccessDenied
)

// Rule grants or denies callers with a scope access to the resources it names.
// See Verify for how rules are matched.
type Rule struct {
	// ID identifies the rule, for Revoke.
	ID string
	// Scope an account must have; ScopePublic and ScopeAccount are special.
	Scope string
	// Resource the rule is about; "*" in a field matches anything.
	Resource *Resource
	// Access the rule gives.
	Access Access
	// Priority orders rules: the highest is asked first.
	Priority int32
}
