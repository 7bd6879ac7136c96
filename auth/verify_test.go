package auth_test

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/auth"
)

var (
	request = &auth.Resource{Type: "service", Name: "greeter", Endpoint: "Greeter.Hello"}
	account = &auth.Account{ID: "a", Scopes: []string{"dev"}}
	all     = &auth.Resource{Type: "*", Name: "*", Endpoint: "*"}
)

func TestTheFirstRuleOfTheHighestPriorityThatAppliesDecides(t *testing.T) {
	rule := func(scope string, res *auth.Resource, access auth.Access, priority int32) *auth.Rule {
		return &auth.Rule{Scope: scope, Resource: res, Access: access, Priority: priority}
	}
	const granted, denied = auth.AccessGranted, auth.AccessDenied
	for name, tc := range map[string]struct {
		rules   []*auth.Rule
		account *auth.Account
		want    error
	}{
		"no rules":                         {nil, account, auth.ErrForbidden},
		"public, no account":               {[]*auth.Rule{rule("", all, granted, 0)}, nil, nil},
		"public, account":                  {[]*auth.Rule{rule("", all, granted, 0)}, account, nil},
		"public, denied":                   {[]*auth.Rule{rule("", all, denied, 0)}, account, auth.ErrForbidden},
		"any account":                      {[]*auth.Rule{rule("*", all, granted, 0)}, account, nil},
		"any account, no account":          {[]*auth.Rule{rule("*", all, granted, 0)}, nil, auth.ErrForbidden},
		"scope in any case":                {[]*auth.Rule{rule("DEV", all, granted, 0)}, account, nil},
		"scope missing":                    {[]*auth.Rule{rule("admin", all, granted, 0)}, account, auth.ErrForbidden},
		"scope, no account":                {[]*auth.Rule{rule("dev", all, granted, 0)}, nil, auth.ErrForbidden},
		"exact, any case":                  {[]*auth.Rule{rule("", &auth.Resource{Type: "Service", Name: "GREETER", Endpoint: "greeter.hello"}, granted, 0)}, nil, nil},
		"other type":                       {[]*auth.Rule{rule("", &auth.Resource{Type: "x", Name: "*", Endpoint: "*"}, granted, 0)}, nil, auth.ErrForbidden},
		"other name":                       {[]*auth.Rule{rule("", &auth.Resource{Type: "*", Name: "x", Endpoint: "*"}, granted, 0)}, nil, auth.ErrForbidden},
		"dots are no path":                 {[]*auth.Rule{rule("", &auth.Resource{Type: "*", Name: "*", Endpoint: "Greeter.*"}, granted, 0)}, nil, auth.ErrForbidden},
		"no slash, no path":                {[]*auth.Rule{rule("", &auth.Resource{Type: "*", Name: "*", Endpoint: "Greeter.Hello/*"}, granted, 0)}, nil, auth.ErrForbidden},
		"priority over order":              {[]*auth.Rule{rule("", all, granted, 1), rule("", all, denied, 2)}, nil, auth.ErrForbidden},
		"order among equals":               {[]*auth.Rule{rule("", all, granted, 1), rule("", all, denied, 1)}, nil, nil},
		"what does not apply is passed by": {[]*auth.Rule{rule("admin", all, denied, 9), rule("*", all, granted, 1)}, account, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if err := auth.Verify(tc.rules, tc.account, request); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

func TestAPatternOfPathsMatchesWhatIsBelowIt(t *testing.T) {
	for _, tc := range []struct {
		pattern, path string
		match         bool
	}{
		{"/*", "/foo/bar", true},
		{"/foo/*", "/foo/bar", true},
		{"/FOO/*", "/foo/bar", true},
		{"/foo/bar/*", "/foo/bar", true},
		{"/foo/bar", "/foo/bar", true},
		{"/fo/*", "/foo/bar", false},
		{"/foo/bar/baz/*", "/foo/bar", false},
		{"/foo/b*", "/foo/bar", false},
		{"/foo", "/foo/bar", false},
		{"foo/*", "foo/bar", true},
		{"/*", "foo/bar", false},
	} {
		rules := []*auth.Rule{{Resource: &auth.Resource{Type: "*", Name: "*", Endpoint: tc.pattern}}}
		err := auth.Verify(rules, nil, &auth.Resource{Endpoint: tc.path})
		if (err == nil) != tc.match {
			t.Errorf("%s for %s: got %v", tc.pattern, tc.path, err)
		}
	}
}

func TestVerifySeesThroughTheSpellingOfAPath(t *testing.T) {
	const granted, denied = auth.AccessGranted, auth.AccessDenied
	for _, tc := range []struct {
		access  auth.Access
		pattern string
		path    string
		matches bool
	}{
		{granted, "/users/*", "/users/1", true},
		{granted, "/users/*", "/users/", true},
		{granted, "/users/*", "/users//1", true},
		{granted, "/users/*", "/users/../admin", false},
		{granted, "/users/*", "/users/1/../../admin", false},
		{granted, "/users/*", "/users/%2e%2e/admin", false},
		{granted, "/users/*", "/users/%2E%2E%2Fadmin", false},
		{granted, "/users/*", `/users/..\admin`, false},
		{granted, "/users/*", "/admin/../users/1", false}, // as it is spelled it is not below
		{granted, "/users/*", "//users/1", false},
		{granted, "/admin", "/admin/", false},
		{granted, "/admin/", "/admin/", true}, // said so
		{granted, "*", "/users/../admin", true},
		{denied, "/admin", "/admin/", true},
		{denied, "/admin", "//admin", true},
		{denied, "/admin", "/users/../admin", true},
		{denied, "/admin", "/%61dmin", true},
		{denied, "/admin", `\ADMIN`, true},
		{denied, "/admin/*", "/ADMIN//users/.", true},
		{denied, "/admin/*", "/users/../admin/x", true},
		{denied, "/admin/*", "/users/admin", false},
		{denied, "Users.Delete", "Users.Delete", true},
		{denied, "Users.Delete", "Users.Get", false},
	} {
		everything := &auth.Rule{Resource: all, Priority: -1, Access: granted}
		if tc.access == granted {
			everything.Access = denied
		}
		rule := &auth.Rule{Resource: &auth.Resource{Type: "*", Name: "*", Endpoint: tc.pattern}, Access: tc.access}
		err := auth.Verify([]*auth.Rule{rule, everything}, nil, &auth.Resource{Endpoint: tc.path})
		if matched := (err == nil) == (tc.access == granted); matched != tc.matches {
			t.Errorf("%s for %s: access %d decided: %v", tc.pattern, tc.path, tc.access, matched)
		}
	}
}

// Whatever a path looks like, what is plainly below /admin stays closed.
func FuzzVerifyPath(f *testing.F) {
	for _, seed := range []string{"/admin/x", "/users/../admin/x", "/%61dmin/x", `/admin\x`, "//admin//x", "/users/%2e./admin/x"} {
		f.Add(seed)
	}
	rules := []*auth.Rule{
		{Resource: &auth.Resource{Type: "*", Name: "*", Endpoint: "/admin/*"}, Access: auth.AccessDenied, Priority: 1},
		{Resource: all},
	}
	below := []*auth.Rule{{Resource: &auth.Resource{Type: "*", Name: "*", Endpoint: "/users/*"}}}
	f.Fuzz(func(t *testing.T, endpoint string) {
		if !strings.Contains(endpoint, "/") {
			return
		}
		decoded, err := url.PathUnescape(endpoint)
		if err != nil {
			decoded = endpoint
		}
		served := path.Clean("/" + decoded)
		res := &auth.Resource{Endpoint: endpoint}
		if served == "/admin" && endpoint[0] == '/' && auth.Verify(rules, nil, res) == nil {
			t.Errorf("%q reaches %s", endpoint, served)
		}
		if !strings.HasPrefix(strings.ToLower(served)+"/", "/users/") && endpoint[0] == '/' && auth.Verify(below, nil, res) == nil {
			t.Errorf("%q reaches %s, which is not below /users", endpoint, served)
		}
	})
}

func TestVerifyTakesNilRulesAndResources(t *testing.T) {
	rules := []*auth.Rule{nil, {ID: "no resource"}, {Resource: all}}
	if err := auth.Verify(rules, nil, nil); err != nil {
		t.Errorf("got %v", err)
	}
	if err := auth.Verify(rules[:2], nil, nil); !errors.Is(err, auth.ErrForbidden) {
		t.Errorf("got %v", err)
	}
}

func TestVerifyKeepsTheOrderOfTheRulesGiven(t *testing.T) {
	low, high := &auth.Rule{Resource: all}, &auth.Rule{Resource: all, Priority: 1}
	rules := []*auth.Rule{low, high}
	_ = auth.Verify(rules, nil, request)
	if rules[0] != low {
		t.Error("the caller's slice was sorted")
	}
}

func ExampleVerify() {
	rules := []*auth.Rule{
		{Scope: auth.ScopePublic, Resource: &auth.Resource{Type: "service", Name: "blog", Endpoint: "/posts/*"}},
		{Scope: "admin", Resource: &auth.Resource{Type: "service", Name: "blog", Endpoint: "*"}},
	}
	page := func(path string) *auth.Resource {
		return &auth.Resource{Type: "service", Name: "blog", Endpoint: path}
	}
	admin := &auth.Account{ID: "ada", Scopes: []string{"admin"}}

	fmt.Println(auth.Verify(rules, nil, page("/posts/1")))
	fmt.Println(auth.Verify(rules, nil, page("/settings")))
	fmt.Println(auth.Verify(rules, admin, page("/settings")))
	// Output:
	// <nil>
	// resource forbidden
	// <nil>
}
