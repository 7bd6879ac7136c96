package web_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/justcy/go-micro/v4/api/handler"
	kindhttp "github.com/justcy/go-micro/v4/api/handler/http"
	"github.com/justcy/go-micro/v4/api/handler/web"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// route leads to nodes at addresses.
func route(addresses ...string) apitest.Fixed {
	s := &registry.Service{Name: "site", Version: "1"}
	for _, a := range addresses {
		s.Nodes = append(s.Nodes, &registry.Node{Id: a, Address: a})
	}
	return apitest.Fixed{Found: &router.Route{Service: "site", Endpoint: &router.Endpoint{Name: "x"}, Versions: []*registry.Service{s}}}
}

// refusing is an address at which nobody listens.
func refusing(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func backend(t *testing.T, h http.HandlerFunc) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// proxies are both kinds of proxy, in front of the nodes.
func proxies(t *testing.T, rtr router.Router, opts ...handler.Option) map[string]handler.Handler {
	all := map[string]handler.Handler{}
	for _, h := range []handler.Handler{web.NewHandler(append(opts, handler.WithRouter(rtr))...), kindhttp.NewHandler(append(opts, handler.WithRouter(rtr))...)} {
		t.Cleanup(func() { _ = h.(io.Closer).Close() })
		all[h.String()] = h
	}
	return all
}

func TestRequestsReachANodeAsTheyAre(t *testing.T) {
	at := backend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Backend", "yes")
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, r.Method, " ", r.Host, " ", r.URL.String(), " ", r.Header.Get("X-Forwarded-For"), " ", r.Header.Get("Micro-Service"), r.Header.Get("X-Private"), " ", string(body))
	})
	for kind, h := range proxies(t, route(at)) {
		r := httptest.NewRequest("POST", "http://example.com/a%2Fb?c=d;e", strings.NewReader("body"))
		r.RemoteAddr = "10.0.0.9:1"
		r.Header.Set("X-Forwarded-For", "10.0.0.1")
		r.Header.Set("Micro-Service", "smuggled")
		r.Header.Set("Connection", "X-Private")
		r.Header.Set("X-Private", "hop")
		rec := apitest.Do(h, r)
		if rec.Code != http.StatusTeapot || rec.Header().Get("X-Backend") != "yes" || rec.Body.String() != "POST example.com /a%2Fb?c=d;e 10.0.0.1, 10.0.0.9  body" {
			t.Errorf("%s: got %d %v %s", kind, rec.Code, rec.Header(), rec.Body)
		}
	}
}

func TestANodeThatRefusesIsPassedOver(t *testing.T) {
	at := backend(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	for kind, h := range proxies(t, route(refusing(t), at)) {
		for range 10 {
			if rec := apitest.Do(h, httptest.NewRequest("POST", "/", strings.NewReader("once"))); rec.Code != 200 || rec.Body.String() != "once" {
				t.Fatalf("%s: %d %s", kind, rec.Code, rec.Body)
			}
		}
	}
}

func TestFailuresAreAnsweredInJSON(t *testing.T) {
	for _, tc := range []struct {
		rtr    router.Router
		target string
		code   int32
	}{
		{nil, "/", 500},
		{apitest.Fixed{Err: router.ErrNotFound}, "/", 404},
		{route(), "/", 404},
		{route(refusing(t)), "/", 502},
		{route(refusing(t)), "/static/%2e%2e/secret", 400},
	} {
		for kind, h := range proxies(t, tc.rtr) {
			if e := apitest.Failure(t, apitest.Do(h, httptest.NewRequest("GET", tc.target, nil))); e.GetCode() != tc.code {
				t.Errorf("%s %s: got %v, want %d", kind, tc.target, e, tc.code)
			}
		}
	}
	at := backend(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for kind, h := range proxies(t, route(at), handler.WithMaxRecvSize(3)) {
		r := httptest.NewRequest("POST", "/", strings.NewReader("four"))
		if e := apitest.Failure(t, apitest.Do(h, r)); e.GetCode() != 413 {
			t.Errorf("%s: %v", kind, e)
		}
		r = httptest.NewRequest("POST", "/", strings.NewReader("four"))
		r.ContentLength = -1
		if rec := apitest.Do(h, r); rec.Code != 413 {
			t.Errorf("%s of unknown length: %d %s", kind, rec.Code, rec.Body)
		}
	}
}

func TestWebSocketsPassThrough(t *testing.T) {
	at := backend(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow() //nolint:errcheck // the test has ended
		kind, data, err := conn.Read(r.Context())
		if err == nil {
			err = conn.Write(r.Context(), kind, append(data, r.Header.Get("X-Forwarded-For")...))
		}
		if err == nil {
			_ = conn.Close(websocket.StatusCode(4001), "bye")
		}
	})
	for kind, h := range proxies(t, route(at)) {
		s := httptest.NewServer(h)
		conn, _, err := websocket.Dial(t.Context(), strings.Replace(s.URL, "http", "ws", 1)+"/chat", nil)
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if err := conn.Write(t.Context(), websocket.MessageText, []byte("hi ")); err != nil {
			t.Fatal(err)
		}
		if _, data, err := conn.Read(t.Context()); err != nil || string(data) != "hi 127.0.0.1" {
			t.Errorf("%s: got %s, %v", kind, data, err)
		}
		if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != 4001 {
			t.Errorf("%s: got %v", kind, err)
		}
		_ = conn.CloseNow()
		s.Close()
	}
}
