package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/api"
	handler "github.com/justcy/go-micro/v4/api/handler/api"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	pb "github.com/justcy/go-micro/v4/api/proto"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// Site is a service as those are that redirect, or show pages.
type Site struct{ got *pb.Request }

// Get answers with a redirect.
func (s *Site) Get(_ context.Context, req *pb.Request, rsp *pb.Response) error {
	s.got = req
	switch req.GetPath() {
	case "/fail":
		return errors.Conflict("site", "no")
	case "/plain":
		rsp.Body = `{"a":1}`
		return nil
	}
	rsp.StatusCode = 301
	rsp.Header = map[string]*pb.Pair{
		"location":       {Key: "Location", Values: []string{"https://example.com"}},
		"Content-Length": {Key: "Content-Length", Values: []string{"99"}},
		"Connection":     {Key: "Connection", Values: []string{"close"}},
	}
	return nil
}

func site(t *testing.T) (http.Handler, *Site) {
	w := apitest.NewWorld(t)
	s := new(Site)
	w.Serve("site", s, api.WithEndpoint(&api.Endpoint{Name: "Site.Get", Path: []string{"/**"}, Method: []string{"GET", "POST"}, Handler: "api"}))
	return handler.NewHandler(w.Options(w.Router())...), s
}

func TestTheServiceGetsTheRequestAndMakesTheResponse(t *testing.T) {
	h, s := site(t)
	r := httptest.NewRequest("POST", "/a/b?x=1&x=2", strings.NewReader("body"))
	r.Host = "example.com"
	r.RemoteAddr = "10.0.0.9:1234"
	r.Header.Set("X-Forwarded-For", "10.0.0.1")
	r.Header.Set("Micro-Service", "other")
	r.Header.Set("Cookie", "a=b")
	rec := apitest.Do(h, r)
	if rec.Code != 301 || rec.Header().Get("Location") != "https://example.com" || rec.Header().Get("Content-Type") != "application/json" || rec.Header().Get("Content-Length") != "" || rec.Header().Get("Connection") != "" {
		t.Errorf("got %d %v", rec.Code, rec.Header())
	}
	g := s.got
	if g.GetMethod() != "POST" || g.GetPath() != "/a/b" || g.GetUrl() != "/a/b?x=1&x=2" || g.GetBody() != "body" || len(g.GetPost()) != 0 || strings.Join(g.GetGet()["x"].GetValues(), ",") != "1,2" {
		t.Errorf("got %+v", g)
	}
	for name, want := range map[string]string{"Host": "example.com", "X-Forwarded-For": "10.0.0.1, 10.0.0.9", "Cookie": "a=b", "Content-Type": "text/plain; charset=UTF-8"} {
		if p := g.GetHeader()[name]; p.GetKey() != name || strings.Join(p.GetValues(), "|") != want {
			t.Errorf("%s is %v", name, p)
		}
	}
	if g.GetHeader()["Micro-Service"] != nil {
		t.Error("a header of the framework reaches the service")
	}
}

func TestFormsAreInPost(t *testing.T) {
	h, s := site(t)
	r := httptest.NewRequest("POST", "/plain", strings.NewReader("a=1&a=2&b=%20"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if rec := apitest.Do(h, r); rec.Code != 200 || rec.Body.String() != `{"a":1}` {
		t.Errorf("got %d %s", rec.Code, rec.Body)
	}
	if g := s.got; strings.Join(g.GetPost()["a"].GetValues(), ",") != "1,2" || g.GetPost()["b"].GetValues()[0] != " " || g.GetBody() != "" {
		t.Errorf("got %+v", g)
	}
}

func TestFailuresAreAnsweredInJSON(t *testing.T) {
	h, _ := site(t)
	if e := apitest.Failure(t, apitest.Do(h, httptest.NewRequest("GET", "/fail", nil))); e.GetCode() != 409 || e.GetId() != "site" {
		t.Errorf("got %v", e)
	}
	r := httptest.NewRequest("POST", "/x", strings.NewReader("a=%zz"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if e := apitest.Failure(t, apitest.Do(h, r)); e.GetCode() != 400 || !strings.HasPrefix(e.GetDetail(), "Error parsing form: ") {
		t.Errorf("got %v", e)
	}
	if e := apitest.Failure(t, apitest.Do(handler.NewHandler(), httptest.NewRequest("GET", "/", nil))); e.GetCode() != 500 || e.GetDetail() != "no route found" {
		t.Errorf("got %v", e)
	}
}
