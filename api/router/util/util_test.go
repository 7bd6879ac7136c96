package util_test

import (
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/api/router/util"
)

// compile returns the pattern of a template.
func compile(t *testing.T, tmpl string, opts ...util.PatternOpt) util.Pattern {
	t.Helper()
	c, err := util.Parse(tmpl)
	if err != nil {
		t.Fatalf("%s: %v", tmpl, err)
	}
	x := c.Compile()
	p, err := util.NewPattern(x.Version, x.OpCodes, x.Pool, x.Verb, opts...)
	if err != nil {
		t.Fatalf("%s: %v", tmpl, err)
	}
	return p
}

func TestTemplatesMatchWhatTheirGrammarSays(t *testing.T) {
	for _, tc := range []struct {
		template, path, verb string
		fields               map[string]string // nil: no match
	}{
		{"/v1/users", "v1/users", "", map[string]string{}},
		{"/v1/users", "v1/users/1", "", nil},
		{"/v1/*/x", "v1/a/x", "", map[string]string{}},
		{"/v1/{id}", "v1/7", "", map[string]string{"id": "7"}},
		{"/v1/{id}", "v1", "", nil},
		{"/v1/{user.id}/posts/{post}", "v1/7/posts/8", "", map[string]string{"user.id": "7", "post": "8"}},
		{"/v1/{name=shelves/*/books/*}", "v1/shelves/1/books/2", "", map[string]string{"name": "shelves/1/books/2"}},
		{"/v1/{name=shelves/*}", "v1/racks/1", "", nil},
		{"/v1/{path=**}", "v1/a/b/c", "", map[string]string{"path": "a/b/c"}},
		{"/v1/{path=**}", "v1", "", map[string]string{"path": ""}},
		{"/v1/{path=**}/end", "v1/a/b/end", "", map[string]string{"path": "a/b"}},
		{"/v1/{path=**}/end", "v1/a/b", "", nil},
		{"/v1/users:count", "v1/users", "count", map[string]string{}},
		{"/v1/users:count", "v1/users", "", nil},
		{"/v1/users", "v1/users", "count", nil},
		{"/v1/{id=*}:open", "v1/7", "open", map[string]string{"id": "7"}},
		{"//", "anything", "", map[string]string{}},
	} {
		got, err := compile(t, tc.template).Match(strings.Split(tc.path, "/"), tc.verb)
		switch {
		case tc.fields == nil && !errors.Is(err, util.ErrNotMatch):
			t.Errorf("%s matches %s: %v, %v", tc.template, tc.path, got, err)
		case tc.fields != nil && (err != nil || !maps.Equal(got, tc.fields)):
			t.Errorf("%s and %s: got %v, %v, want %v", tc.template, tc.path, got, err, tc.fields)
		}
	}
}

func TestInvalidTemplatesSayWhy(t *testing.T) {
	for tmpl, reason := range map[string]string{
		"":            "no leading /",
		"v1":          "no leading /",
		"/":           "empty segment",
		"/v1/":        "empty segment",
		"/v1/a b":     "has a ' '",
		"/v1/%2":      "incomplete escape",
		"/{":          "empty identifier",
		"/{1a}":       "has a '1'",
		"/{a.}":       "identifier",
		"/{a=}":       "segment",
		"/{a":         "not closed",
		"/{a}b":       "expected the end",
		"/a//b":       "expected the end",
		"/{a={b}}":    "segment",
		"/v1/caf\xe9": "has a",
	} {
		_, err := util.Parse(tmpl)
		var invalid util.InvalidTemplateError
		if !errors.As(err, &invalid) || !strings.Contains(err.Error(), reason) || !strings.HasSuffix(err.Error(), ": "+tmpl) {
			t.Errorf("%q: got %v, want %q", tmpl, err, reason)
		}
	}
}

func TestATemplateIsRebuiltFromItsPattern(t *testing.T) {
	for tmpl, want := range map[string]string{
		"/v1/{name=a/*}":    "/v1/{name=a/*}",
		"/v1/{id}":          "/v1/{id=*}",
		"/v1/{p=**}/x:open": "/v1/{p=**}/x:open",
	} {
		p := compile(t, tmpl)
		if p.String() != want {
			t.Errorf("%s: got %s", tmpl, p)
		}
	}
	if v := compile(t, "/v1/x:open").Verb(); v != "open" {
		t.Errorf("the verb is %q", v)
	}
}

func TestOperationsAreThoseOfTheRuntime(t *testing.T) {
	c, _ := util.Parse("/v1/{name=a/*}:go")
	got := c.Compile()
	want := []int{2, 0, 2, 1, 1, 0, 4, 2, 5, 2}
	if len(got.OpCodes) != len(want) || strings.Join(got.Pool, " ") != "v1 a name" || got.Verb != "go" || got.Version != 1 || got.Fields[0] != "name" || got.Template != "/v1/{name=a/*}:go" {
		t.Fatalf("got %+v", got)
	}
	for i := range want {
		if got.OpCodes[i] != want[i] {
			t.Fatalf("got %v, want %v", got.OpCodes, want)
		}
	}
}

func TestOperationsThatAreNoPatternAreRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		version int
		ops     []int
	}{
		"version":               {2, nil},
		"odd":                   {1, []int{1}},
		"unknown":               {1, []int{9, 0}},
		"end":                   {1, []int{6, 0}},
		"literal":               {1, []int{2, 1}},
		"negative literal":      {1, []int{2, -1}},
		"concatenation":         {1, []int{1, 0, 4, 2}},
		"empty concatenation":   {1, []int{1, 0, 4, 0}},
		"capture of nothing":    {1, []int{5, 0}},
		"capture into no field": {1, []int{1, 0, 5, 1}},
		"two deep wildcards":    {1, []int{3, 0, 3, 0}},
	} {
		if _, err := util.NewPattern(tc.version, tc.ops, []string{"a"}, ""); !errors.Is(err, util.ErrInvalidPattern) {
			t.Errorf("%s: %v", name, err)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("MustPattern did not panic")
		}
	}()
	util.MustPattern(util.NewPattern(2, nil, nil, ""))
}

func TestAColonIsPartOfAComponentIfTheOptionSaysSo(t *testing.T) {
	p := compile(t, "/v1/{id}", util.AssumeColonVerbOpt(false), util.PatternLogger(nil), nil)
	got, err := p.Match([]string{"v1", "urn"}, "7")
	if err != nil || got["id"] != "urn:7" {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := compile(t, "/*", util.AssumeColonVerbOpt(false)).Match(nil, "7"); err != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"/v1/{name=a/**}:go", "//", "/{a.b}/*", "/a%20b", "/{a=b/*}/{c}", "/:x", "/{a=*//x}"} {
		f.Add(seed, "a/b/c")
	}
	f.Fuzz(func(t *testing.T, tmpl, path string) {
		c, err := util.Parse(tmpl)
		if err != nil {
			return
		}
		x := c.Compile()
		p, err := util.NewPattern(x.Version, x.OpCodes, x.Pool, x.Verb)
		if err != nil {
			return // more than one **
		}
		_, _ = p.Match(strings.Split(path, "/"), x.Verb)
		again, err := util.Parse(p.String())
		if err != nil {
			return // the quirk of the slash is lost when the template is rebuilt
		}
		if y := again.Compile(); len(y.OpCodes) == 0 {
			t.Errorf("%q became %q, which has no operations", tmpl, p)
		}
	})
}
