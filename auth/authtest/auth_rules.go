package authtest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/internal/conformance"
)

var authRules = []conformance.Rule[Harness]{
	{Sentence: "an auth has a name", Check: conformance.Returned(hasName)},
	{Sentence: "init adds to the options already set", Check: conformance.Returned(initAdds)},
	{Sentence: "options are a copy with a logger", Check: conformance.Returned(optionsAreCopies)},
	{Sentence: "a generated account is what was asked for", Check: conformance.Returned(generates)},
	{Sentence: "the issuer of an account is the namespace", Check: conformance.Returned(issuesInNamespace), Gap: noIssuer},
	{Sentence: "the token of an account is inspected as that account", Check: conformance.Returned(inspectsToken), Gap: noTokens},
	{Sentence: "a token lives as long as was asked for", Check: conformance.Returned(tokenLives), Gap: noTokens},
	{Sentence: "a token that is none fails with ErrInvalidToken", Check: conformance.Returned(inspectsGarbage), Gap: noTokens},
	{Sentence: "a changed token fails with ErrInvalidToken", Check: conformance.Returned(inspectsChanged), Gap: noTokens},
	{Sentence: "an expired token fails with ErrInvalidToken", Check: conformance.Returned(inspectsExpired), Gap: noTokens},
	{Sentence: "wrong credentials give no token", Check: conformance.Returned(refusesCredentials), Gap: noTokens},
	{Sentence: "credentials open the account they belong to alone", Check: conformance.Returned(refusesOtherID), Gap: noTokens},
	{Sentence: "a refresh token is no access token", Check: conformance.Returned(inspectsRefresh), Gap: noRefresh},
	{Sentence: "a refresh token is exchanged for a new token", Check: conformance.Returned(refreshes), Gap: noRefresh},
	{Sentence: "an auth can be used concurrently", Check: conformance.Returned(usedConcurrently)},
}

// account generates an account with everything set.
func account(a auth.Auth) (*auth.Account, error) {
	acc, err := a.Generate(newID(),
		auth.WithType("user"),
		auth.WithScopes("admin", "dev"),
		auth.WithMetadata(map[string]string{"team": "blue"}),
	)
	if err != nil {
		return nil, fmt.Errorf("generate: %w", err)
	}
	return acc, nil
}

// tokenFor generates an account and a token for it.
func tokenFor(a auth.Auth, expiry time.Duration) (*auth.Account, *auth.Token, error) {
	acc, err := account(a)
	if err != nil {
		return nil, nil, err
	}
	token, err := a.Token(auth.WithCredentials(acc.ID, acc.Secret), auth.WithExpiry(expiry))
	if err != nil {
		return nil, nil, fmt.Errorf("token: %w", err)
	}
	return acc, token, nil
}

// same compares all of two accounts but the secret, which is not in a token.
func same(got, want *auth.Account) error {
	if got == nil || got.ID != want.ID || got.Type != want.Type || got.Issuer != want.Issuer ||
		!slices.Equal(got.Scopes, want.Scopes) || !maps.Equal(got.Metadata, want.Metadata) {
		return fmt.Errorf("got %+v, want %+v", got, want)
	}
	return nil
}

func hasName(t testing.TB, h Harness) error {
	if h.New(t).String() == "" {
		return errors.New("String is empty")
	}
	return nil
}

func initAdds(t testing.TB, h Harness) error {
	a := h.New(t, auth.Namespace("one"))
	a.Init(auth.Credentials("id", "secret"))
	a.Init(auth.Addrs("a", "b"))
	if o := a.Options(); o.Namespace != "one" || o.ID != "id" || o.Secret != "secret" || len(o.Addrs) != 2 {
		return fmt.Errorf("namespace %q, id %q, secret %q, addrs %q", o.Namespace, o.ID, o.Secret, o.Addrs)
	}
	return nil
}

func optionsAreCopies(t testing.TB, h Harness) error {
	a := h.New(t, auth.Namespace("one"))
	o := a.Options()
	o.Namespace = "two"
	if got := a.Options().Namespace; got != "one" {
		return fmt.Errorf("changing the options returned made the namespace %q", got)
	}
	if o.Logger == nil {
		return errors.New("the logger is nil")
	}
	return nil
}

func generates(t testing.TB, h Harness) error {
	id := newID()
	acc, err := h.New(t).Generate(id,
		auth.WithType("user"), auth.WithScopes("admin"), auth.WithMetadata(map[string]string{"team": "blue"}))
	if err != nil {
		return err
	}
	if acc.ID != id || acc.Type != "user" || !slices.Equal(acc.Scopes, []string{"admin"}) || acc.Metadata["team"] != "blue" {
		return fmt.Errorf("got %+v", acc)
	}
	return nil
}

func issuesInNamespace(t testing.TB, h Harness) error {
	a := h.New(t, auth.Namespace("one"))
	a.Init(auth.Namespace("two"))
	acc, err := account(a)
	if err != nil {
		return err
	}
	if acc.Issuer != "two" {
		return fmt.Errorf("got %q", acc.Issuer)
	}
	return nil
}

func inspectsToken(t testing.TB, h Harness) error {
	a := h.New(t, auth.Namespace("one"))
	acc, token, err := tokenFor(a, time.Hour)
	if err != nil {
		return err
	}
	got, err := a.Inspect(token.AccessToken)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	return same(got, acc)
}

func tokenLives(t testing.TB, h Harness) error {
	a, before := h.New(t), time.Now()
	_, token, err := tokenFor(a, time.Hour)
	after := time.Now()
	if err != nil {
		return err
	}
	const rounding = time.Second // tokens count in seconds
	if token.Expiry.Before(before.Add(time.Hour-rounding)) || token.Expiry.After(after.Add(time.Hour+rounding)) {
		return fmt.Errorf("it expires %v, asked at %v for an hour", token.Expiry, before)
	}
	if token.Expired() {
		return errors.New("it is expired")
	}
	return nil
}

// refused fails unless the token is answered with ErrInvalidToken.
func refused(a auth.Auth, token string) error {
	if acc, err := a.Inspect(token); !errors.Is(err, auth.ErrInvalidToken) {
		return fmt.Errorf("inspect of %q returned %+v, %v", token, acc, err)
	}
	return nil
}

func inspectsGarbage(t testing.TB, h Harness) error {
	a := h.New(t)
	return errors.Join(refused(a, ""), refused(a, "garbage"), refused(a, "a.b.c"))
}

func inspectsChanged(t testing.TB, h Harness) error {
	a := h.New(t)
	_, token, err := tokenFor(a, time.Hour)
	if err != nil {
		return err
	}
	b := []byte(token.AccessToken)
	middle := len(b) / 2
	if b[middle] == 'x' {
		b[middle] = 'y'
	} else {
		b[middle] = 'x'
	}
	return refused(a, string(b))
}

func inspectsExpired(t testing.TB, h Harness) error {
	a := h.New(t)
	_, token, err := tokenFor(a, time.Second)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(30 * time.Second)
	for err = refused(a, token.AccessToken); err != nil && time.Now().Before(deadline); err = refused(a, token.AccessToken) {
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

func refusesCredentials(t testing.TB, h Harness) error {
	a := h.New(t)
	acc, err := account(a)
	if err != nil {
		return err
	}
	if token, err := a.Token(auth.WithCredentials(acc.ID, "wrong")); err == nil {
		return fmt.Errorf("got %+v", token)
	}
	return nil
}

func refusesOtherID(t testing.TB, h Harness) error {
	a := h.New(t)
	acc, err := account(a)
	if err != nil {
		return err
	}
	for _, id := range []string{newID(), ""} {
		if token, err := a.Token(auth.WithCredentials(id, acc.Secret)); err == nil {
			return fmt.Errorf("the secret of %q opens %q: %+v", acc.ID, id, token)
		}
	}
	return nil
}

func inspectsRefresh(t testing.TB, h Harness) error {
	a := h.New(t)
	_, token, err := tokenFor(a, time.Hour)
	if err != nil {
		return err
	}
	return refused(a, token.RefreshToken)
}

func refreshes(t testing.TB, h Harness) error {
	a := h.New(t)
	acc, token, err := tokenFor(a, time.Hour)
	if err != nil {
		return err
	}
	next, err := a.Token(auth.WithToken(token.RefreshToken), auth.WithExpiry(time.Hour))
	if err != nil {
		return fmt.Errorf("token: %w", err)
	}
	got, err := a.Inspect(next.AccessToken)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	return same(got, acc)
}

func usedConcurrently(t testing.TB, h Harness) error {
	a := h.New(t)
	failed := make([]error, 4)
	var wg sync.WaitGroup
	for i := range failed {
		wg.Go(func() {
			for range 10 {
				a.Init(auth.Addrs(fmt.Sprint(i)))
				_ = a.Options()
				_, err := account(a)
				failed[i] = errors.Join(failed[i], err)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}
