package match_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/justcy/go-micro/v4/api/resolver"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/api/router/internal/match"
)

// table adds endpoints, each with its first path as its value.
func table(t testing.TB, endpoints ...*router.Endpoint) *match.Table[string] {
	t.Helper()
	var m match.Table[string]
	for _, e := range endpoints {
		if err := m.Add(e, e.Name); err != nil {
			t.Fatal(err)
		}
	}
	return &m
}

func get(path string) *router.Endpoint {
	return &router.Endpoint{Name: path, Path: []string{path}, Method: []string{"GET"}}
}

func request(method, url string) *http.Request { return httptest.NewRequest(method, url, nil) }

func TestTheMostSpecificEndpointIsTaken(t *testing.T) {
	endpoints := []*router.Endpoint{
		get("/a/{x}"), get("/a/b"), get("/a/**"), get("/{x}/b"), get("/a/{x}/c"), get("/a/b/{x}"), get("/**"),
		get("/a/{x}:go"), get("/files/{p=**}/raw"), get("/files/{p=**}"), get("^/r/[0-9]+$"), get("^/r/[0-9]+1$"),
	}
	for range 2 {
		m := table(t, endpoints...)
		for path, want := range map[string]string{
			"/a/b":         "/a/b",
			"/a/z":         "/a/{x}",
			"/a/z:go":      "/a/{x}:go",
			"/a/z:stop":    "/a/{x}",
			"/z/b":         "/{x}/b",
			"/a/b/c":       "/a/b/{x}",
			"/a/z/c":       "/a/{x}/c",
			"/a/z/y":       "/a/**",
			"/z":           "/**",
			"/":            "/**",
			"/files/1/2":   "/files/{p=**}",
			"/files/1/raw": "/files/{p=**}/raw",
		} {
			if got, _, err := m.Match(request("GET", path)); err != nil || got != want {
				t.Errorf("%s: got %s, %v, want %s", path, got, err, want)
			}
		}
		slices.Reverse(endpoints) // the order of adding makes no difference
	}
	if got, _, err := table(t, get("^/r/[0-9]+$"), get("^/r/[0-9]+1$")).Match(request("GET", "/r/11")); err != nil || got != "^/r/[0-9]+1$" {
		t.Errorf("of two expressions the shorter one is taken: %s, %v", got, err)
	}
}

func TestFieldsAreCapturedAsTheyAreSpelled(t *testing.T) {
	for _, tc := range []struct{ template, path, want string }{
		{"/u/{userId}", "/u/7", "[{userId 7}]"},
		{"/u/{a.b}/x/{c}", "/u/1/x/2", "[{a.b 1} {c 2}]"},
		{"/f/{name=shelves/*/**}/end/{z}", "/f/shelves/1/2/3/end/9", "[{name shelves/1/2/3} {z 9}]"},
		{"/f/{name=**}", "/f", "[{name }]"},
		{"/u/{id}:open", "/u/a:b:open", "[{id a:b}]"},
		{"/u/{id}", "/u/a%2Fb%20c", "[{id a/b c}]"},
		{"/a%20b/{id}", "/a%20b/1", "[{id 1}]"},
	} {
		_, fields, err := table(t, get(tc.template)).Match(request("GET", tc.path))
		if err != nil || fmt.Sprint(fields) != tc.want {
			t.Errorf("%s and %s: got %v, %v, want %s", tc.template, tc.path, fields, err, tc.want)
		}
	}
}

func TestAVerbIsPartOfThePath(t *testing.T) {
	m := table(t, get("/x:go"))
	if _, _, err := m.Match(request("GET", "/x")); !errors.Is(err, router.ErrNotFound) {
		t.Errorf("/x without its verb: %v", err)
	}
	if _, _, err := m.Match(request("GET", "/x:go")); err != nil {
		t.Error(err)
	}
}

func TestOnlyListedMethodsMatch(t *testing.T) {
	m := table(t, get("/x"), &router.Endpoint{Name: "post", Path: []string{"/x"}, Method: []string{"POST"}},
		&router.Endpoint{Name: "none", Path: []string{"/none"}})
	_, _, err := m.Match(request("PUT", "/x"))
	var method *router.MethodError
	if !errors.As(err, &method) || fmt.Sprint(method.Allowed) != "[GET POST]" {
		t.Errorf("got %v", err)
	}
	if _, _, err := m.Match(request("GET", "/none")); !errors.Is(err, router.ErrNotFound) {
		t.Errorf("an endpoint without methods: %v", err)
	}
}

func TestHostsAreThoseOfTheHostHeader(t *testing.T) {
	var m match.Table[string]
	err := m.Add(&router.Endpoint{Name: "h", Path: []string{"/x"}, Method: []string{"GET"}, Host: []string{"[", `^api\.example\.com$`}}, "h")
	if err == nil {
		t.Error("a host that is no expression is not reported")
	}
	if err := m.Add(get("/y"), "any"); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{"api.example.com": true, "api.example.com:8080": true, "[": true, "example.com": false} {
		r := request("GET", "/x")
		r.Host = host
		if _, _, err := m.Match(r); (err == nil) != want {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestPathsThatLeadElsewhereAreRefused(t *testing.T) {
	m := table(t, get("/f/{p=**}"), get("/f/{x}"))
	for _, path := range []string{"/f/../etc", "/f/%2e%2e/etc", "/f/..%2fetc", "/f/..%5cetc", "/f/./x", "/f/a%00b", "/f/a%0ab"} {
		if got, _, err := m.Match(request("GET", path)); !errors.Is(err, resolver.ErrInvalidPath) {
			t.Errorf("%s: got %s, %v", path, got, err)
		}
	}
}

// thousand has a thousand endpoints as services have them.
func thousand(t testing.TB) *match.Table[string] {
	var m match.Table[string]
	for i := range 250 {
		for _, path := range []string{"/v1/s%d/items", "/v1/s%d/items/{id}", "/v1/s%d/items/{id}/parts/{part}", "/v1/s%d/items/{id}:close"} {
			e := get(fmt.Sprintf(path, i))
			if err := m.Add(e, e.Name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return &m
}

func BenchmarkMatch(b *testing.B) {
	m := thousand(b)
	for _, path := range []string{"/v1/s77/items", "/v1/s249/items/12/parts/9", "/v1/s249/items/12:close", "/nowhere/at/all"} {
		b.Run(path, func(b *testing.B) {
			r := request("GET", path)
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = m.Match(r)
			}
		})
	}
}
