package wrapper_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/client"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/authcall"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/util/wrapper"
)

// directory is an Auth that knows its tokens by heart: "t-<id>" is that of the
// account id, whose one scope is its id.
type directory struct {
	mu      sync.Mutex
	options auth.Options
	asked   []auth.TokenOptions
	token   func(auth.TokenOptions) (*auth.Token, error)
}

func newDirectory(opts ...auth.Option) *directory {
	return &directory{options: auth.NewOptions(opts...)}
}

func (d *directory) String() string { return "directory" }

func (d *directory) Init(opts ...auth.Option) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range opts {
		o(&d.options)
	}
}

func (d *directory) Options() auth.Options {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.options
}

func (d *directory) Generate(string, ...auth.GenerateOption) (*auth.Account, error) {
	return nil, errors.New("no")
}

func (d *directory) Inspect(token string) (*auth.Account, error) {
	id, ok := strings.CutPrefix(token, "t-")
	if !ok {
		return nil, fmt.Errorf("%w: %s", auth.ErrInvalidToken, token)
	}
	if id == "nil" {
		return nil, nil
	}
	return &auth.Account{ID: id, Scopes: []string{id}}, nil
}

func (d *directory) Token(opts ...auth.TokenOption) (*auth.Token, error) {
	o := auth.NewTokenOptions(opts...)
	d.mu.Lock()
	d.asked = append(d.asked, o)
	d.mu.Unlock()
	return d.token(o)
}

func (d *directory) requests() []auth.TokenOptions {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked
}

func (d *directory) get() auth.Auth { return d }

// ruleList are rules that may be away.
type ruleList struct {
	auth.Rules
	rules []*auth.Rule
	err   error
}

func (l *ruleList) List(...auth.ListOption) ([]*auth.Rule, error) { return l.rules, l.err }
func (l *ruleList) Verify(acc *auth.Account, res *auth.Resource, _ ...auth.VerifyOption) error {
	if l.err != nil {
		return l.err
	}
	return auth.Verify(l.rules, acc, res)
}

func rule(scope, name, endpoint string) *auth.Rule {
	return &auth.Rule{Scope: scope, Resource: &auth.Resource{Type: "service", Name: name, Endpoint: endpoint}}
}

func TestOnlyGrantedRequestsPassTheGuard(t *testing.T) {
	greet := &ruleList{rules: []*auth.Rule{rule("ada", "greeter", "Greeter.Hello")}}
	public := &ruleList{rules: []*auth.Rule{rule(auth.ScopePublic, "greeter", "Greeter.Hello")}}
	away := &ruleList{err: errors.New("the store is away")}
	for name, tc := range map[string]struct {
		rules  auth.Rules
		header string
		code   int32
		who    string
	}{
		"no token":                      {greet, "", 401, ""},
		"bad token":                     {greet, "Bearer x", 401, ""},
		"an empty token":                {greet, "Bearer ", 401, ""},
		"no account for the token":      {greet, "Bearer t-nil", 401, ""},
		"another scheme":                {greet, "Basic t-ada", 401, ""},
		"no scheme":                     {greet, "t-ada", 401, ""},
		"wrong scope":                   {greet, "Bearer t-eve", 403, ""},
		"right scope":                   {greet, "Bearer t-ada", 0, "ada"},
		"scheme in another case":        {greet, "BEARER t-ada", 0, "ada"},
		"no rules":                      {nil, "Bearer t-eve", 0, "eve"},
		"no rules and no token":         {nil, "", 401, ""},
		"public":                        {public, "", 0, ""},
		"public, with a token":          {public, "Bearer t-eve", 0, "eve"},
		"public, with a bad token":      {public, "Bearer x", 401, ""},
		"public, with another scheme":   {public, "Basic x", 0, ""},
		"rules that cannot be asked":    {away, "Bearer t-ada", 500, ""},
		"the same for somebody unknown": {away, "", 500, ""},
	} {
		t.Run(name, func(t *testing.T) {
			log := new(lines)
			called := false
			h := wrapper.AuthHandler(newDirectory(auth.WithLogger(log)).get, tc.rules)(func(ctx context.Context, _ server.Request, _ any) error {
				called = true
				acc, ok := auth.AccountFromContext(ctx)
				if ok != (tc.who != "") || ok && acc.ID != tc.who {
					t.Errorf("the account is %+v", acc)
				}
				return nil
			})
			ctx := bg
			if tc.header != "" {
				ctx = withMetadata("authorization", tc.header)
			}
			err := h(ctx, serverRequest{hello}, nil)
			if called != (tc.code == 0) {
				t.Errorf("the handler was called: %v", called)
			}
			if e, ok := microerrors.As(err); ok != (tc.code != 0) || ok && (e.Code != tc.code || e.Id != "go.micro.auth") {
				t.Errorf("got %v", err)
			}
			if token := strings.TrimPrefix(tc.header, "Bearer "); len(token) > 1 && strings.Contains(log.text, token) {
				t.Errorf("the log quotes the token: %s", log.text)
			}
			if (tc.code == 401 || tc.code == 403) != strings.Contains(log.text, "refused") {
				t.Errorf("the log is %q", log.text)
			}
		})
	}
}

type lines struct {
	logger.Logger
	text string
}

func (l *lines) Logf(_ logger.Level, format string, args ...any) {
	l.text += fmt.Sprintf(format, args...) + "\n"
}

func TestWithoutAnAuthNobodyIsKnown(t *testing.T) {
	for _, a := range []func() auth.Auth{nil, func() auth.Auth { return nil }} {
		h := wrapper.AuthHandler(a, nil)(func(context.Context, server.Request, any) error { return nil })
		if e, ok := microerrors.As(h(withMetadata("Authorization", "Bearer t-ada"), serverRequest{hello}, nil)); !ok || e.Code != 401 {
			t.Errorf("got %v", e)
		}
	}
}

func TestARequestThatNamesNoEndpointIsRefused(t *testing.T) {
	all := &ruleList{rules: []*auth.Rule{rule(auth.ScopePublic, "*", "*")}}
	h := wrapper.AuthHandler(newDirectory().get, all)(func(context.Context, server.Request, any) error { return nil })
	if e, ok := microerrors.As(h(bg, serverRequest{request{""}}, nil)); !ok || e.Code != 403 {
		t.Errorf("got %v", e)
	}
}

func TestTheNoopTakesEverybody(t *testing.T) {
	h := wrapper.AuthHandler(authOf(nil), nil)(func(context.Context, server.Request, any) error { return nil })
	if err := h(bg, serverRequest{hello}, nil); err != nil {
		t.Error(err)
	}
}

func TestAuthorizeIsForGateways(t *testing.T) {
	res := &auth.Resource{Type: "service", Name: "blog", Endpoint: "/posts/1"}
	rules := &ruleList{rules: []*auth.Rule{rule("ada", "blog", "/posts/*")}}
	ctx, err := wrapper.Authorize(bg, newDirectory(), rules, "Bearer t-ada", res)
	if acc, ok := auth.AccountFromContext(ctx); err != nil || !ok || acc.ID != "ada" {
		t.Errorf("got %+v, %v", acc, err)
	}
	for header, code := range map[string]int32{"": 401, "Bearer t-eve": 403} {
		_, err := wrapper.Authorize(bg, newDirectory(), rules, header, res)
		if e, ok := microerrors.As(err); !ok || e.Code != code {
			t.Errorf("%q: got %v", header, err)
		}
	}
}

// guarded calls do with a context as a handler has it behind AuthHandler.
func guarded(t *testing.T, header string, do func(ctx context.Context)) {
	t.Helper()
	h := wrapper.AuthHandler(newDirectory().get, &ruleList{rules: []*auth.Rule{rule(auth.ScopePublic, "*", "*")}})
	err := h(func(ctx context.Context, _ server.Request, _ any) error { do(ctx); return nil })(
		metadata.NewContext(bg, metadata.Metadata{"Authorization": header, "Tenant": "x"}), serverRequest{hello}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

func TestATokenStaysWithTheServiceItWasSentTo(t *testing.T) {
	each(t, func(t *testing.T, do func(client.Client, context.Context) error) {
		for _, header := range []string{"Bearer t-ada", "Basic x", ""} { // the last is there, and empty
			guarded(t, header, func(ctx context.Context) {
				if got, _ := metadata.Get(ctx, "Authorization"); got != header {
					t.Errorf("the handler sees %q", got)
				}
				for name, tc := range map[string]struct {
					auth func() auth.Auth
					ctx  context.Context
					want string
				}{
					"own token":     {authOf(valid()), ctx, "Bearer secret"},
					"none":          {authOf(nil), ctx, ""},
					"no auth":       {nil, ctx, ""},
					"forwarded":     {authOf(valid()), wrapper.ForwardAuthorization(ctx), header},
					"the handler's": {authOf(valid()), metadata.Set(ctx, "Authorization", "Bearer mine"), "Bearer mine"},
				} {
					fake := new(fakeClient)
					if err := do(wrapper.AuthCall(tc.auth, fake), tc.ctx); err != nil {
						t.Fatal(err)
					}
					if fake.sent["Authorization"] != tc.want || fake.sent["Tenant"] != "x" {
						t.Errorf("%s: sent %v", name, fake.sent)
					}
				}
			})
		}
	})
}

func TestACallForSomebodyOutsideDoesNotGoInTheNameOfTheService(t *testing.T) {
	each(t, func(t *testing.T, do func(client.Client, context.Context) error) {
		for _, header := range []string{"", "Bearer t-ada"} {
			fake := new(fakeClient)
			ctx := context.WithValue(bg, authcall.CallerKey{}, true)
			if header != "" {
				ctx = metadata.Set(ctx, "Authorization", header)
			}
			if err := do(wrapper.AuthCall(authOf(valid()), fake), ctx); err != nil || fake.sent["Authorization"] != header {
				t.Errorf("sent %v, %v", fake.sent, err)
			}
		}
	})
}

func TestWhoHasNoTokenIsForwardedWithoutOne(t *testing.T) {
	each(t, func(t *testing.T, do func(client.Client, context.Context) error) {
		h := wrapper.AuthHandler(newDirectory().get, &ruleList{rules: []*auth.Rule{rule(auth.ScopePublic, "*", "*")}})
		err := h(func(ctx context.Context, _ server.Request, _ any) error {
			fake := new(fakeClient)
			if err := do(wrapper.AuthCall(authOf(valid()), fake), wrapper.ForwardAuthorization(ctx)); err != nil {
				return err
			}
			if got, ok := fake.sent["Authorization"]; ok {
				t.Errorf("sent %q", got)
			}
			return nil
		})(bg, serverRequest{hello}, nil)
		if err != nil {
			t.Error(err)
		}
	})
}

// lasting is a token of an hour.
func lasting(access string) *auth.Token {
	now := time.Now()
	return &auth.Token{AccessToken: access, RefreshToken: "r-" + access, Created: now, Expiry: now.Add(time.Hour)}
}

func sent(t *testing.T, c client.Client, fake *fakeClient) string {
	t.Helper()
	if err := c.Call(bg, hello, nil); err != nil {
		t.Fatal(err)
	}
	return fake.sent["Authorization"]
}

func TestATokenIsRenewedBeforeItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(auth.ClientToken(lasting("one")))
		d.token = func(o auth.TokenOptions) (*auth.Token, error) {
			if o.RefreshToken != "r-one" || o.Expiry != time.Hour {
				t.Errorf("asked with %+v", o)
			}
			return lasting("two"), nil
		}
		fake := new(fakeClient)
		c := wrapper.AuthCall(d.get, fake)
		if got := sent(t, c, fake); got != "Bearer one" || len(d.requests()) != 0 {
			t.Errorf("sent %q", got)
		}
		time.Sleep(time.Hour - 30*time.Second)
		if got := sent(t, c, fake); got != "Bearer one" { // it is valid: nobody waits
			t.Errorf("sent %q", got)
		}
		synctest.Wait()
		if got := sent(t, c, fake); got != "Bearer two" || len(d.requests()) != 1 {
			t.Errorf("sent %q after %d renewals", got, len(d.requests()))
		}
	})
}

func TestATokenThatExpiresOnItsWayIsNotSent(t *testing.T) {
	for name, left := range map[string]time.Duration{"about to expire": time.Second, "expired this second": -time.Second / 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDirectory(auth.ClientToken(lasting("one")))
				d.token = func(auth.TokenOptions) (*auth.Token, error) {
					time.Sleep(time.Second / 4)
					return lasting("two"), nil
				}
				time.Sleep(time.Hour - left)
				fake := new(fakeClient)
				if got := sent(t, wrapper.AuthCall(d.get, fake), fake); got != "Bearer two" {
					t.Errorf("sent %q", got)
				}
			})
		})
	}
}

func TestATokenThatCannotBeRenewedIsSentToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(auth.ClientToken(lasting("one")))
		d.token = func(auth.TokenOptions) (*auth.Token, error) { return nil, auth.ErrInvalidToken }
		time.Sleep(time.Hour - time.Second)
		fake := new(fakeClient)
		c := wrapper.AuthCall(d.get, fake)
		for range 2 { // the renewal fails, then it is not tried again
			if got := sent(t, c, fake); got != "Bearer one" {
				t.Errorf("sent %q", got)
			}
		}
	})
}

// bearers is a client to whose calls a token belongs.
type bearers struct {
	client.Client
	t *testing.T
}

func (b bearers) Call(ctx context.Context, _ client.Request, _ any, _ ...client.CallOption) error {
	if got, _ := metadata.Get(ctx, "Authorization"); got != "Bearer one" {
		b.t.Errorf("sent %q", got)
	}
	return nil
}

func TestTheFirstTokenIsHadWithCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(auth.Credentials("ada", "secret"))
		d.token = func(o auth.TokenOptions) (*auth.Token, error) {
			time.Sleep(time.Second)
			if o.ID != "ada" || o.Secret != "secret" {
				t.Errorf("asked with %+v", o)
			}
			return lasting("one"), nil
		}
		c := wrapper.AuthCall(d.get, bearers{t: t})
		var all sync.WaitGroup
		for range 8 { // who all wait for one renewal
			all.Go(func() {
				if err := c.Call(bg, hello, nil); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := len(d.requests()); n != 1 {
			t.Errorf("%d tokens were asked for", n)
		}
	})
}

func TestARefreshTokenThatHasEndedGivesWayToCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(auth.ClientToken(lasting("one")), auth.Credentials("ada", "secret"))
		d.token = func(o auth.TokenOptions) (*auth.Token, error) {
			if o.RefreshToken != "" {
				return nil, auth.ErrInvalidToken
			}
			return lasting("two"), nil
		}
		time.Sleep(2 * time.Hour)
		fake := new(fakeClient)
		if got := sent(t, wrapper.AuthCall(d.get, fake), fake); got != "Bearer two" {
			t.Errorf("sent %q", got)
		}
	})
}

func TestARenewalThatFailsIsNotTriedByEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(auth.Credentials("ada", "wrong"))
		d.token = func(auth.TokenOptions) (*auth.Token, error) { return nil, auth.ErrInvalidToken }
		fake := new(fakeClient)
		c := wrapper.AuthCall(d.get, fake)
		for range 10 {
			if got := sent(t, c, fake); got != "" {
				t.Errorf("sent %q", got)
			}
		}
		if n := len(d.requests()); n != 1 {
			t.Errorf("it was tried %d times", n)
		}
		time.Sleep(time.Second)
		d.token = func(auth.TokenOptions) (*auth.Token, error) { return lasting("one"), nil }
		if got := sent(t, c, fake); got != "Bearer one" {
			t.Errorf("sent %q", got)
		}
	})
}

func TestACallWaitsForATokenNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDirectory(auth.Credentials("ada", "secret"))
		d.token = func(auth.TokenOptions) (*auth.Token, error) {
			time.Sleep(time.Minute)
			return nil, auth.ErrInvalidToken
		}
		ctx, cancel := context.WithTimeout(bg, time.Second)
		defer cancel()
		c := wrapper.AuthCall(d.get, new(fakeClient))
		began := time.Now()
		_ = c.Call(ctx, hello, nil)
		if took := time.Since(began); took != time.Second {
			t.Errorf("it took %v", took)
		}
		if err := c.(interface{ Close() error }).Close(); err != nil || time.Since(began) != time.Minute {
			t.Errorf("Close did not wait for the renewal: %v", err)
		}
	})
}

func BenchmarkAuthHandler(b *testing.B) {
	rules := &ruleList{rules: []*auth.Rule{rule("ada", "greeter", "Greeter.Hello")}}
	h := wrapper.AuthHandler(newDirectory().get, rules)(func(context.Context, server.Request, any) error { return nil })
	ctx := withMetadata("Authorization", "Bearer t-ada")
	b.ReportAllocs()
	for b.Loop() {
		if err := h(ctx, serverRequest{hello}, nil); err != nil {
			b.Fatal(err)
		}
	}
}
