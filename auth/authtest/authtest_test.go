package authtest_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/authtest"
)

// harness makes signed Auths with a defect, none when it is nil.
func harness(defect func(*signed)) authtest.Harness {
	return authtest.Harness{New: func(_ testing.TB, opts ...auth.Option) auth.Auth {
		s := &signed{options: auth.NewOptions(opts...), secrets: map[string]*auth.Account{}}
		if defect != nil {
			defect(s)
		}
		return s
	}}
}

func TestAGoodAuthPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if got := authtest.Broken(t, harness(nil)); len(got) != 0 {
			t.Errorf("broken were %q", got)
		}
	})
}

func TestBrokenAuthsFailByTheRightRule(t *testing.T) {
	for rule, defect := range map[string]func(*signed){
		"an auth has a name":                                   func(s *signed) { s.sharesNothing = true },
		"init adds to the options already set":                 func(s *signed) { s.forgetsOptions = true },
		"options are a copy with a logger":                     func(s *signed) { s.options.Logger = nil },
		"a generated account is what was asked for":            func(s *signed) { s.dropsType = true },
		"the issuer of an account is the namespace":            func(s *signed) { s.fixedIssuer = true },
		"the token of an account is inspected as that account": func(s *signed) { s.otherAccount = true },
		"a token lives as long as was asked for":               func(s *signed) { s.shortLived = true },
		"a token that is none fails with ErrInvalidToken":      func(s *signed) { s.skipsSignature = true },
		"a changed token fails with ErrInvalidToken":           func(s *signed) { s.skipsSignature = true },
		"an expired token fails with ErrInvalidToken":          func(s *signed) { s.neverExpires = true },
		"wrong credentials give no token":                      func(s *signed) { s.trustsEverybody = true },
		"credentials open the account they belong to alone":    func(s *signed) { s.anyID = true },
		"a refresh token is no access token":                   func(s *signed) { s.refreshOpens = true },
		"a refresh token is exchanged for a new token":         func(s *signed) { s.deadRefresh = true },
	} {
		t.Run(rule, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := authtest.Broken(t, harness(defect)); !slices.Contains(got, rule) {
					t.Errorf("the rule held; broken were %q", got)
				}
			})
		})
	}
}

func TestFlagsExcuseAnAuth(t *testing.T) {
	h := authtest.Harness{
		New:      func(_ testing.TB, opts ...auth.Option) auth.Auth { return auth.NewAuth(opts...) },
		NoTokens: true,
	}
	if got := authtest.Broken(t, h); len(got) != 0 {
		t.Errorf("broken were %q", got)
	}
}

func TestGoodRulesPass(t *testing.T) {
	authtest.RunRules(t, authtest.RulesHarness{New: func(testing.TB) auth.Rules { return new(list) }})
}

func TestBrokenRulesFailByTheRightRule(t *testing.T) {
	verify := func(f func([]*auth.Rule, *auth.Account, *auth.Resource) error) func(*list) {
		return func(l *list) { l.verify = f }
	}
	for rule, defect := range map[string]func(*list){
		"what no rule allows is forbidden": verify(func(rules []*auth.Rule, acc *auth.Account, res *auth.Resource) error {
			return nil
		}),
		"a granted rule is listed":                      func(l *list) { l.listsNothing = true },
		"a revoked rule is neither listed nor followed": func(l *list) { l.keepsRevoked = true },
		"a public rule lets in callers without an account": verify(func(rules []*auth.Rule, acc *auth.Account, res *auth.Resource) error {
			if acc == nil {
				return auth.ErrForbidden
			}
			return auth.Verify(rules, acc, res)
		}),
		"a rule for any account keeps out callers without one": verify(func(rules []*auth.Rule, acc *auth.Account, res *auth.Resource) error {
			if acc == nil {
				acc = new(auth.Account)
			}
			return auth.Verify(rules, acc, res)
		}),
		"a rule with a scope lets in accounts with that scope": verify(func(rules []*auth.Rule, acc *auth.Account, res *auth.Resource) error {
			if acc != nil {
				acc = &auth.Account{ID: acc.ID}
			}
			return auth.Verify(rules, acc, res)
		}),
		"the rule with the highest priority decides": func(l *list) { l.ignoresPriority = true },
		"a rule for a path covers what is below it": verify(func(rules []*auth.Rule, acc *auth.Account, res *auth.Resource) error {
			if res == nil {
				res = new(auth.Resource)
			}
			flat := *res
			flat.Endpoint = "x" + res.Endpoint
			return auth.Verify(rules, acc, &flat)
		}),
		"a rule that is nil is refused, a resource that is nil forbidden": func(l *list) { l.takesNil = true },
		"a path is not left by another spelling of it": verify(func(rules []*auth.Rule, acc *auth.Account, res *auth.Resource) error {
			for _, r := range rules {
				if stem, ok := strings.CutSuffix(r.Resource.Endpoint, "*"); ok && res != nil && strings.HasPrefix(res.Endpoint, stem) {
					return nil
				}
			}
			return auth.Verify(rules, acc, res)
		}),
		"an endpoint no rule names is forbidden": verify(func(rules []*auth.Rule, acc *auth.Account, res *auth.Resource) error {
			for _, r := range rules {
				r.Resource = &auth.Resource{Type: "*", Name: "*", Endpoint: "*"}
			}
			return auth.Verify(rules, acc, res)
		}),
	} {
		t.Run(rule, func(t *testing.T) {
			got := authtest.BrokenRules(t, authtest.RulesHarness{New: func(testing.TB) auth.Rules {
				l := new(list)
				defect(l)
				return l
			}})
			if !slices.Contains(got, rule) {
				t.Errorf("the rule held; broken were %q", got)
			}
		})
	}
}
