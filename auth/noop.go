package auth

import (
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/internal/options"
)

// Noop is the name of the built-in Auth. Nothing is guarded by an Auth of this
// name.
const Noop = "noop"

// NewAuth returns the built-in Auth, "noop": it stores no accounts, issues
// empty tokens and takes every token for that of a valid account.
func NewAuth(opts ...Option) Auth {
	return &noop{options: options.New(NewOptions(opts...))}
}

// NewRules returns the built-in Rules: nothing is kept and everything is
// allowed.
func NewRules() Rules {
	return noopRules{}
}

type noop struct {
	options *options.Current[Options]
}

func (n *noop) String() string      { return Noop }
func (n *noop) Init(opts ...Option) { options.Apply(n.options, opts) }
func (n *noop) Options() Options    { return n.options.Get() }

func (n *noop) Generate(id string, opts ...GenerateOption) (*Account, error) {
	o := NewGenerateOptions(opts...)
	return &Account{
		ID:       id,
		Type:     o.Type,
		Issuer:   n.Options().Namespace,
		Metadata: maps.Clone(o.Metadata),
		Scopes:   slices.Clone(o.Scopes),
		Secret:   o.Secret,
	}, nil
}

func (n *noop) Inspect(string) (*Account, error) {
	return &Account{ID: uuid.NewString(), Issuer: n.Options().Namespace}, nil
}

func (n *noop) Token(...TokenOption) (*Token, error) {
	return &Token{}, nil
}

type noopRules struct{}

func (noopRules) Grant(*Rule) error                                 { return nil }
func (noopRules) Revoke(*Rule) error                                { return nil }
func (noopRules) Verify(*Account, *Resource, ...VerifyOption) error { return nil }
func (noopRules) List(...ListOption) ([]*Rule, error)               { return []*Rule{}, nil }
