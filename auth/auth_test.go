package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/auth/authtest"
	"github.com/justcy/go-micro/v4/logger"
)

func TestConformance(t *testing.T) {
	authtest.Run(t, authtest.Harness{
		New:      func(_ testing.TB, opts ...auth.Option) auth.Auth { return auth.NewAuth(opts...) },
		NoTokens: true,
	})
	authtest.RunRules(t, authtest.RulesHarness{
		New:           func(testing.TB) auth.Rules { return auth.NewRules() },
		NoEnforcement: true,
	})
}

func TestTokenExpiryCountsWholeSeconds(t *testing.T) {
	for name, tc := range map[string]struct {
		expiry time.Time
		want   bool
	}{
		"zero":   {time.Time{}, true},
		"past":   {time.Now().Add(-time.Hour), true},
		"future": {time.Now().Add(time.Hour), false},
	} {
		token := auth.Token{Expiry: tc.expiry}
		if got := token.Expired(); got != tc.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestJSONHasAllFields(t *testing.T) {
	for want, v := range map[string]any{
		`{"id":"","type":"","issuer":"","metadata":null,"scopes":null,"secret":""}`:                               auth.Account{},
		`{"access_token":"","refresh_token":"","created":"0001-01-01T00:00:00Z","expiry":"0001-01-01T00:00:00Z"}`: auth.Token{},
		`{"name":"","type":"","endpoint":""}`:                                                                     auth.Resource{},
		`{"ID":"","Scope":"","Resource":null,"Access":1,"Priority":-1}`:                                           auth.Rule{Access: auth.AccessDenied, Priority: -1},
	} {
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestAccountsTravelInContexts(t *testing.T) {
	ctx := context.Background()
	if acc, ok := auth.AccountFromContext(ctx); ok || acc != nil {
		t.Errorf("an empty context gave %v, %v", acc, ok)
	}
	want := &auth.Account{ID: "a"}
	if acc, ok := auth.AccountFromContext(auth.ContextWithAccount(ctx, want)); !ok || acc != want {
		t.Errorf("got %v, %v", acc, ok)
	}
}

func TestTokenOptionsLastAMinute(t *testing.T) {
	if o := auth.NewTokenOptions(auth.WithToken("r")); o.Expiry != time.Minute || o.RefreshToken != "r" {
		t.Errorf("got %+v", o)
	}
	if o := auth.NewTokenOptions(auth.WithExpiry(time.Hour), auth.WithCredentials("i", "s")); o.Expiry != time.Hour || o.ID != "i" || o.Secret != "s" {
		t.Errorf("got %+v", o)
	}
}

func TestNoopHasTheDefaultLogger(t *testing.T) {
	if l := auth.NewAuth().Options().Logger; l == nil || l != logger.DefaultLogger {
		t.Errorf("the logger is %v", l)
	}
}

func TestNoopGeneratesTheAccountThatIsAskedFor(t *testing.T) {
	acc, err := auth.NewAuth(auth.Namespace("ns")).Generate("a", auth.WithType("user"), auth.WithSecret("s"), auth.WithProvider("p"))
	if err != nil || acc.ID != "a" || acc.Type != "user" || acc.Secret != "s" || acc.Issuer != "ns" {
		t.Errorf("got %+v, %v", acc, err)
	}
}

func TestNoopIsInitialisedWhileInUse(t *testing.T) {
	a := auth.NewAuth()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			a.Init(auth.Namespace("ns"), auth.ClientToken(&auth.Token{}), auth.PublicKey("a"), auth.PrivateKey("b"))
		})
		wg.Go(func() { _ = a.Options().Namespace })
	}
	wg.Wait()
}

func TestOfConcurrentInitsOfTheNoopEachCounts(t *testing.T) {
	for range 200 {
		a := auth.NewAuth()
		var wg sync.WaitGroup
		wg.Go(func() { a.Init(auth.Namespace("ns"), func(*auth.Options) { runtime.Gosched() }) })
		wg.Go(func() { a.Init(auth.PublicKey("key"), func(*auth.Options) { runtime.Gosched() }) })
		wg.Wait()
		if o := a.Options(); o.Namespace != "ns" || o.PublicKey != "key" {
			t.Fatalf("options are %+v", o)
		}
	}
}

func TestNoopOptionMayReadTheOptions(t *testing.T) {
	a := auth.NewAuth(auth.Namespace("ns"))
	a.Init(func(o *auth.Options) { o.ID = a.Options().Namespace })
	if got := a.Options().ID; got != "ns" {
		t.Errorf("got %q", got)
	}
}

func TestNoopAccountsShareNoMemory(t *testing.T) {
	a, labels, scopes := auth.NewAuth(), map[string]string{"k": "v"}, []string{"s"}
	opts := []auth.GenerateOption{auth.WithMetadata(labels), auth.WithScopes(scopes...)}
	one, _ := a.Generate("one", opts...)
	two, _ := a.Generate("two", opts...)
	one.Metadata["k"], one.Scopes[0] = "changed", "changed"
	if two.Metadata["k"] != "v" || two.Scopes[0] != "s" || labels["k"] != "v" || scopes[0] != "s" {
		t.Errorf("the other account is %+v", two)
	}
}

func TestNoopTrustsEverybody(t *testing.T) {
	a := auth.NewAuth(auth.Namespace("ns"))
	one, err1 := a.Inspect("anything")
	two, err2 := a.Inspect("anything")
	if err1 != nil || err2 != nil || len(one.ID) != 36 || one.ID == two.ID || one.Issuer != "ns" {
		t.Errorf("got %+v, %v and %+v, %v", one, err1, two, err2)
	}
	if token, err := a.Token(); err != nil || *token != (auth.Token{}) {
		t.Errorf("got %+v, %v", token, err)
	}
	if a.String() != "noop" || auth.DefaultAuth.String() != "noop" {
		t.Error("it is not called noop")
	}
}

func TestNoopRulesAllowEverything(t *testing.T) {
	r := auth.NewRules()
	if err := errors.Join(r.Grant(nil), r.Revoke(nil), r.Verify(nil, nil)); err != nil {
		t.Error(err)
	}
	if rules, err := r.List(); rules == nil || len(rules) != 0 || err != nil {
		t.Errorf("got %v, %v", rules, err)
	}
}

func ExampleAccountFromContext() {
	ctx := auth.ContextWithAccount(context.Background(), &auth.Account{ID: "ada"})
	if acc, ok := auth.AccountFromContext(ctx); ok {
		fmt.Println("called by", acc.ID)
	}
	// Output: called by ada
}
