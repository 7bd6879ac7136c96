package payload_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/api/internal/pathfield"
	"github.com/justcy/go-micro/v4/api/internal/payload"
	"github.com/justcy/go-micro/v4/metadata"
)

// FuzzOf merges what a request says in its path, query and body.
func FuzzOf(f *testing.F) {
	for _, seed := range []struct{ query, body, destination, field string }{
		{"a=1&a.b=2", `{"a":{"c":3}}`, "", "x"},
		{"a[]=1&a[]=2&b.c=x", `[1]`, "a.b", "b.c"},
		{"a=%22", `{"a":1,"a":2}`, "*", "a"},
		{"", "\x00\xff", "x", ""},
		{"..=1&.a=2", `{"":{"":1}}`, ".", "."},
	} {
		f.Add(seed.query, []byte(seed.body), seed.destination, seed.field)
	}
	f.Fuzz(func(t *testing.T, query string, body []byte, destination, field string) {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			r := httptest.NewRequest(method, "/", nil)
			r.URL = &url.URL{Path: "/", RawQuery: query}
			if destination != "" {
				r = r.WithContext(metadata.NewContext(r.Context(), metadata.Metadata{"x-api-body": destination}))
			}
			if field != "" {
				pathfield.Attach(r, []pathfield.Field{{Name: field, Value: "v"}})
			}
			got, err := payload.Of(r, body, payload.Types{})
			if err != nil || len(got) == 0 || json.Valid(got) {
				continue
			}
			if method == http.MethodGet || string(got) != string(body) {
				t.Errorf("%s %q with %q gave %q, which is neither JSON nor the body", method, query, body, got)
			}
		}
	})
}

// FuzzForm reads forms of both kinds.
func FuzzForm(f *testing.F) {
	f.Add([]byte("a=1&a=2&b=%20"), "x")
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--"), "x")
	f.Add([]byte("--x\r\nContent-Disposition: form-data; name=\"a\"; filename=\"b\"\r\n\r\n\xff\r\n--x--"), "x")
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		r := httptest.NewRequest(http.MethodPost, "/?q=1", nil)
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
		if got, err := payload.Multipart(r, strings.NewReader(string(body)), payload.Types{}); err == nil && !json.Valid(got) {
			t.Errorf("%q gave %q", body, got)
		}
		if got, err := payload.Form(r, body, payload.Types{}); err == nil && !json.Valid(got) {
			t.Errorf("%q gave %q", body, got)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	body := []byte(`{"name":"Ada","count":12,"inner":{"a":1,"b":"x"}}`)
	for name, target := range map[string]string{"body": "/", "body and query": "/?tags=a&count=3"} {
		b.Run(name, func(b *testing.B) {
			r := httptest.NewRequest(http.MethodPost, target, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := payload.Of(r, body, payload.Types{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
