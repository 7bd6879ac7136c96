package authtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/internal/conformance"
)

var ruleRules = []conformance.Rule[RulesHarness]{
	{Sentence: "what no rule allows is forbidden", Check: conformance.Returned(forbidsByDefault), Gap: noEnforcement},
	{Sentence: "a granted rule is listed", Check: conformance.Returned(listsGranted), Gap: noEnforcement},
	{Sentence: "a revoked rule is neither listed nor followed", Check: conformance.Returned(forgetsRevoked), Gap: noEnforcement},
	{Sentence: "a public rule lets in callers without an account", Check: conformance.Returned(publicRule), Gap: noEnforcement},
	{Sentence: "a rule for any account keeps out callers without one", Check: conformance.Returned(accountRule), Gap: noEnforcement},
	{Sentence: "a rule with a scope lets in accounts with that scope", Check: conformance.Returned(scopedRule), Gap: noEnforcement},
	{Sentence: "the rule with the highest priority decides", Check: conformance.Returned(priorities), Gap: noEnforcement},
	{Sentence: "a rule for a path covers what is below it", Check: conformance.Returned(paths), Gap: noEnforcement},
	{Sentence: "a path is not left by another spelling of it", Check: conformance.Returned(spellings), Gap: noEnforcement},
	{Sentence: "a rule that is nil is refused, a resource that is nil forbidden", Check: conformance.Returned(nils), Gap: noEnforcement},
	{Sentence: "an endpoint no rule names is forbidden", Check: conformance.Returned(otherEndpoint), Gap: noEnforcement},
	{Sentence: "contexts are accepted", Check: conformance.Returned(contexts), Gap: noEnforcement},
}

// resource returns one no other test knows.
func resource() *auth.Resource {
	return &auth.Resource{Type: "service", Name: newID(), Endpoint: "Greeter.Hello"}
}

// granted returns Rules that hold these, all about res unless they say else.
func granted(t testing.TB, h RulesHarness, res *auth.Resource, rules ...*auth.Rule) (auth.Rules, error) {
	r := h.New(t)
	for _, rule := range rules {
		if rule.Resource == nil {
			rule.Resource = res
		}
		rule.ID = newID()
		if err := r.Grant(rule); err != nil {
			return nil, fmt.Errorf("grant: %w", err)
		}
	}
	return r, nil
}

// verdict fails unless the account is let in, or kept out.
func verdict(r auth.Rules, acc *auth.Account, res *auth.Resource, want error) error {
	if err := r.Verify(acc, res); !errors.Is(err, want) {
		return fmt.Errorf("verify of %+v for %+v returned %v, want %v", acc, *res, err, want)
	}
	return nil
}

func listed(r auth.Rules, id string) (bool, error) {
	rules, err := r.List()
	if err != nil {
		return false, fmt.Errorf("list: %w", err)
	}
	return slices.ContainsFunc(rules, func(rule *auth.Rule) bool { return rule.ID == id }), nil
}

func forbidsByDefault(t testing.TB, h RulesHarness) error {
	r, res := h.New(t), resource()
	return errors.Join(
		verdict(r, nil, res, auth.ErrForbidden),
		verdict(r, &auth.Account{ID: "a"}, res, auth.ErrForbidden),
	)
}

func listsGranted(t testing.TB, h RulesHarness) error {
	rule := &auth.Rule{Scope: auth.ScopePublic}
	r, err := granted(t, h, resource(), rule)
	if err != nil {
		return err
	}
	if ok, err := listed(r, rule.ID); err != nil || !ok {
		return fmt.Errorf("listed: %v, %v", ok, err)
	}
	return nil
}

func forgetsRevoked(t testing.TB, h RulesHarness) error {
	rule, res := &auth.Rule{Scope: auth.ScopePublic}, resource()
	r, err := granted(t, h, res, rule)
	if err != nil {
		return err
	}
	if err := r.Revoke(rule); err != nil {
		return fmt.Errorf("revoke: %w", err)
	}
	if ok, err := listed(r, rule.ID); err != nil || ok {
		return fmt.Errorf("listed: %v, %v", ok, err)
	}
	return verdict(r, nil, res, auth.ErrForbidden)
}

func publicRule(t testing.TB, h RulesHarness) error {
	res := resource()
	r, err := granted(t, h, res, &auth.Rule{Scope: auth.ScopePublic})
	if err != nil {
		return err
	}
	return errors.Join(verdict(r, nil, res, nil), verdict(r, &auth.Account{ID: "a"}, res, nil))
}

func accountRule(t testing.TB, h RulesHarness) error {
	res := resource()
	r, err := granted(t, h, res, &auth.Rule{Scope: auth.ScopeAccount})
	if err != nil {
		return err
	}
	return errors.Join(verdict(r, nil, res, auth.ErrForbidden), verdict(r, &auth.Account{ID: "a"}, res, nil))
}

func scopedRule(t testing.TB, h RulesHarness) error {
	res := resource()
	r, err := granted(t, h, res, &auth.Rule{Scope: "admin"})
	if err != nil {
		return err
	}
	return errors.Join(
		verdict(r, &auth.Account{ID: "a", Scopes: []string{"dev", "admin"}}, res, nil),
		verdict(r, &auth.Account{ID: "b", Scopes: []string{"dev"}}, res, auth.ErrForbidden),
	)
}

func priorities(t testing.TB, h RulesHarness) error {
	res := resource()
	r, err := granted(t, h, res,
		&auth.Rule{Scope: auth.ScopeAccount, Priority: 1},
		&auth.Rule{Scope: auth.ScopeAccount, Priority: 2, Access: auth.AccessDenied},
		&auth.Rule{Scope: "admin", Priority: 3},
	)
	if err != nil {
		return err
	}
	return errors.Join(
		verdict(r, &auth.Account{ID: "a"}, res, auth.ErrForbidden),
		verdict(r, &auth.Account{ID: "b", Scopes: []string{"admin"}}, res, nil),
	)
}

func paths(t testing.TB, h RulesHarness) error {
	res := &auth.Resource{Type: "service", Name: newID(), Endpoint: "/users/*"}
	r, err := granted(t, h, res, &auth.Rule{Scope: auth.ScopePublic})
	if err != nil {
		return err
	}
	at := func(path string) *auth.Resource {
		return &auth.Resource{Type: res.Type, Name: res.Name, Endpoint: path}
	}
	return errors.Join(
		verdict(r, nil, at("/users/1/posts"), nil),
		verdict(r, nil, at("/usersx"), auth.ErrForbidden),
	)
}

func spellings(t testing.TB, h RulesHarness) error {
	res := &auth.Resource{Type: "service", Name: newID(), Endpoint: "/users/*"}
	r, err := granted(t, h, res, &auth.Rule{Scope: auth.ScopePublic})
	if err != nil {
		return err
	}
	var wrong []error
	for _, path := range []string{"/users/../admin", "/users/%2e%2e/admin", `/users/..\admin`, "/users/./../admin", "/users//../admin"} {
		at := &auth.Resource{Type: res.Type, Name: res.Name, Endpoint: path}
		wrong = append(wrong, verdict(r, nil, at, auth.ErrForbidden))
	}
	return errors.Join(wrong...)
}

func nils(t testing.TB, h RulesHarness) error {
	r := h.New(t)
	if err := r.Grant(nil); err == nil {
		return errors.New("nil was granted")
	}
	if err := r.Revoke(nil); err == nil {
		return errors.New("nil was revoked")
	}
	if err := r.Verify(nil, nil); !errors.Is(err, auth.ErrForbidden) {
		return fmt.Errorf("verify of nil returned %v", err)
	}
	return nil
}

func otherEndpoint(t testing.TB, h RulesHarness) error {
	res := resource()
	r, err := granted(t, h, res, &auth.Rule{Scope: auth.ScopePublic})
	if err != nil {
		return err
	}
	other := *res
	other.Endpoint = "Greeter.Bye"
	return verdict(r, nil, &other, auth.ErrForbidden)
}

func contexts(t testing.TB, h RulesHarness) error {
	res := resource()
	r, err := granted(t, h, res, &auth.Rule{Scope: auth.ScopePublic})
	if err != nil {
		return err
	}
	ctx := context.Background()
	if _, err := r.List(auth.RulesContext(ctx)); err != nil {
		return err
	}
	return r.Verify(nil, res, auth.VerifyContext(ctx))
}
