package cors_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/justcy/go-micro/v4/api/server/cors"
)

func TestHeadersHaveDefaultsAndStayAsTheyAre(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Access-Control-Allow-Methods", "GET")
	cors.SetHeaders(w, httptest.NewRequest("GET", "/", nil), &cors.Config{})
	for name, want := range map[string]string{
		"Access-Control-Allow-Credentials": "false", "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "GET",
		"Access-Control-Allow-Headers": "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s is %q", name, got)
		}
	}
}

func TestOneOriginIsAlwaysNamed(t *testing.T) {
	w := httptest.NewRecorder()
	cors.SetHeaders(w, httptest.NewRequest("GET", "/", nil), &cors.Config{AllowOrigin: "https://a.example.com", AllowCredentials: true})
	if w.Header().Get("Access-Control-Allow-Origin") != "https://a.example.com" || w.Header().Get("Access-Control-Allow-Credentials") != "true" {
		t.Errorf("got %v", w.Header())
	}
}

func TestAnyAmongSeveralStandsForAll(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Origin", "https://b.example.com")
	cors.SetHeaders(w, r, &cors.Config{AllowOrigin: "https://a.example.com, *"})
	if w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("got %v", w.Header())
	}
}

func TestWithoutAConfigThereAreNoHeaders(t *testing.T) {
	called := false
	h := cors.CombinedCORSHandler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }), nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("OPTIONS", "/", nil))
	if w.Code != 200 || called || len(w.Header()) != 0 {
		t.Errorf("got %d %v, called %v", w.Code, w.Header(), called)
	}
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if !called {
		t.Error("the handler is not called")
	}
}
