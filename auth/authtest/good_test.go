package authtest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/auth"
)

// signed is a small Auth that keeps every rule: tokens are signed JSON. Each of
// its flags breaks one rule.
type signed struct {
	mu      sync.Mutex
	options auth.Options
	secrets map[string]*auth.Account

	forgetsOptions, sharesNothing, dropsType, fixedIssuer bool
	neverExpires, skipsSignature, trustsEverybody         bool
	shortLived, deadRefresh, otherAccount                 bool
	anyID, refreshOpens                                   bool
}

type claims struct {
	Account auth.Account
	Expiry  time.Time
	Refresh bool
}

func (s *signed) String() string {
	if s.sharesNothing {
		return ""
	}
	return "signed"
}

func (s *signed) Init(opts ...auth.Option) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.forgetsOptions {
		s.options = auth.NewOptions()
	}
	for _, o := range opts {
		o(&s.options)
	}
}

func (s *signed) Options() auth.Options {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options
}

func (s *signed) Generate(id string, opts ...auth.GenerateOption) (*auth.Account, error) {
	o := auth.NewGenerateOptions(opts...)
	acc := &auth.Account{ID: id, Type: o.Type, Scopes: o.Scopes, Metadata: o.Metadata, Secret: "secret of " + id}
	if s.dropsType {
		acc.Type = ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if acc.Issuer = s.options.Namespace; s.fixedIssuer {
		acc.Issuer = "issuer"
	}
	s.secrets[acc.Secret] = acc
	return acc, nil
}

func (s *signed) Token(opts ...auth.TokenOption) (*auth.Token, error) {
	o := auth.NewTokenOptions(opts...)
	s.mu.Lock()
	acc, ok := s.secrets[o.Secret]
	s.mu.Unlock()
	ok = ok && (acc.ID == o.ID || s.anyID)
	if o.RefreshToken != "" && !s.deadRefresh {
		var err error
		if acc, err = s.inspect(o.RefreshToken, !s.refreshOpens); err != nil {
			return nil, err
		}
	} else if s.trustsEverybody && !ok {
		acc = &auth.Account{ID: o.ID}
	} else if !ok {
		return nil, auth.ErrInvalidToken
	}
	expiry := o.Expiry
	if s.shortLived {
		expiry = time.Minute
	}
	now := time.Now()
	return &auth.Token{
		AccessToken:  s.sign(claims{*acc, now.Add(expiry), false}),
		RefreshToken: s.sign(claims{*acc, now.Add(24 * time.Hour), !s.refreshOpens}),
		Created:      now,
		Expiry:       now.Add(expiry),
	}, nil
}

func (s *signed) sign(c claims) string {
	payload, _ := json.Marshal(c)
	return base64.RawURLEncoding.EncodeToString(payload) + "." + mac(payload)
}

func mac(payload []byte) string {
	h := hmac.New(sha256.New, []byte("key"))
	h.Write(payload)
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func (s *signed) Inspect(token string) (*auth.Account, error) { return s.inspect(token, false) }

func (s *signed) inspect(token string, refresh bool) (*auth.Account, error) {
	payload, sum, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || (sum != mac(raw) && !s.skipsSignature) {
		return nil, auth.ErrInvalidToken
	}
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil && !s.skipsSignature {
		return nil, auth.ErrInvalidToken
	}
	if c.Refresh != refresh {
		return nil, auth.ErrInvalidToken
	}
	if time.Now().After(c.Expiry) && !s.neverExpires && !s.skipsSignature {
		return nil, auth.ErrInvalidToken
	}
	if s.otherAccount {
		c.Account.ID = "somebody"
	}
	return &c.Account, nil
}

// list is a small Rules that keeps every rule. Each of its flags breaks one.
type list struct {
	mu    sync.Mutex
	rules []*auth.Rule

	keepsRevoked, listsNothing, ignoresPriority, takesNil bool
	verify                                                func([]*auth.Rule, *auth.Account, *auth.Resource) error
}

func (l *list) Grant(r *auth.Rule) error {
	if r == nil && !l.takesNil {
		return auth.ErrForbidden
	}
	if r == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	rule := *r
	if l.ignoresPriority {
		rule.Priority = 0
	}
	l.rules = append(l.rules, &rule)
	return nil
}

func (l *list) Revoke(r *auth.Rule) error {
	if r == nil {
		return auth.ErrForbidden
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.keepsRevoked {
		l.rules = slices.DeleteFunc(l.rules, func(rule *auth.Rule) bool { return rule.ID == r.ID })
	}
	return nil
}

func (l *list) List(...auth.ListOption) ([]*auth.Rule, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listsNothing {
		return nil, nil
	}
	return slices.Clone(l.rules), nil
}

func (l *list) Verify(acc *auth.Account, res *auth.Resource, _ ...auth.VerifyOption) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.verify != nil {
		return l.verify(l.rules, acc, res)
	}
	return auth.Verify(l.rules, acc, res)
}
