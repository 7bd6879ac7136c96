package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/kubetest"
	"github.com/justcy/go-micro/v4/util/kubernetes/api"
)

func options(server *kubetest.Server) *api.Options {
	token := "secret"
	return &api.Options{Host: server.URL, Namespace: "default", BearerToken: &token, Client: server.Client()}
}

// These are the requests that go-micro v4 makes.
func TestRequestsAreThoseOfV4(t *testing.T) {
	server := kubetest.New(t)
	server.Fault(func(w http.ResponseWriter, r *http.Request) bool { return true })
	labels := &api.Params{LabelSelector: map[string]string{"foo": "bar", "a": "b c"}, Annotations: map[string]string{"x": "y"}, Additional: map[string]string{"watch": "true"}}
	for _, c := range []struct {
		request *api.Request
		want    string
		body    string
	}{
		{api.NewRequest(options(server)).Get().Resource("service"), "GET /api/v1/namespaces/default/services/", ""},
		{api.NewRequest(options(server)).Get().Resource("service").Name("foo"), "GET /api/v1/namespaces/default/services/foo", ""},
		{api.NewRequest(options(server)).Get().Resource("service").Namespace("test").Name("bar"), "GET /api/v1/namespaces/test/services/bar", ""},
		{api.NewRequest(options(server)).Get().Resource("pod").Namespace("").Params(labels), "GET /api/v1/namespaces/default/pods/?labelSelector=a%3Db+c%2Cfoo%3Dbar&watch=true", ""},
		{api.NewRequest(options(server)).Post().Resource("service").Name("foo").Body(map[string]string{"foo": "bar"}), "POST /api/v1/namespaces/default/services/foo", `{"foo":"bar"}`},
		{api.NewRequest(options(server)).Post().Resource("deployment").Namespace("test").SetHeader("Content-Type", "application/yaml").Body(strings.NewReader("a: b")), "POST /apis/apps/v1/namespaces/test/deployments/", "a: b"},
		{api.NewRequest(options(server)).Put().Resource("endpoint").Name("baz").Body(1), "PUT /api/v1/namespaces/default/endpoints/baz", "1"},
		{api.NewRequest(options(server)).Patch().Resource("endpoint").Name("baz").Body(map[string]int{"foo": 1}), "PATCH /api/v1/namespaces/default/endpoints/baz", `{"foo":1}`},
		{api.NewRequest(options(server)).Delete().Resource("namespace").Name("x"), "DELETE /api/v1/namespaces/x", ""},
		{api.NewRequest(options(server)).Get().Resource("pod").Name("p").SubResource("log"), "GET /api/v1/namespaces/default/pods/p/log", ""},
		{api.NewRequest(options(server)).Get().Resource("pod").SubResource("log"), "GET /api/v1/namespaces/default/pods/", ""},
	} {
		if err := c.request.Do().Close(); err != nil {
			t.Error(err)
		}
		got := server.Requests()[0]
		if got.String() != c.want || got.Body != c.body || got.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("got %s %q, want %s", got, got.Body, c.want)
		}
	}
}

func TestNamesStayInTheirPartOfTheURL(t *testing.T) {
	server := kubetest.New(t)
	var got string
	server.Fault(func(w http.ResponseWriter, r *http.Request) bool { got = r.URL.EscapedPath(); return true })
	if err := api.NewRequest(options(server)).Get().Resource("pod").Namespace("a/b?").Name("../x?y").Do().Error(); err != nil {
		t.Fatal(err)
	}
	if got != "/api/v1/namespaces/a%2Fb%3F/pods/..%2Fx%3Fy" {
		t.Errorf("asked for %s", got)
	}
	for _, r := range []*api.Request{api.NewRequest(options(server)).Get().Resource("pod").Name(".."), api.NewRequest(options(server)).Get().Resource("..")} {
		if err := r.Do().Error(); err == nil {
			t.Error("it leads elsewhere")
		}
	}
}

func TestWhatCannotBeBuiltIsReported(t *testing.T) {
	server := kubetest.New(t)
	bad := api.NewRequest(options(server)).Post().Resource("pod").SetHeader("Content-Type", "application/yaml").Body("text")
	if err := bad.Do().Error(); err == nil || err.Error() != "invalid data" {
		t.Errorf("got %v", err)
	}
	if _, err := bad.Raw(); err == nil || err.Error() != "invalid data" {
		t.Errorf("Raw returned %v", err)
	}
	if err := api.NewRequest(options(server)).Post().Resource("pod").Body(make(chan int)).Do().Error(); err == nil {
		t.Error("a channel is JSON")
	}
	if err := api.NewRequest(nil).Get().Do().Error(); err == nil {
		t.Error("there is no server")
	}
	if r := server.Requests(); len(r) > 0 {
		t.Errorf("asked for %v", r)
	}
}

func TestResponsesAreDecodedOrSayWhatFailed(t *testing.T) {
	server := kubetest.New(t)
	for code := 200; code < 300; code++ {
		if code == 204 || code > 210 && code < 290 {
			continue
		}
		server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(code)
			fmt.Fprint(w, `{"a":1}`)
			return true
		})
		var v struct{ A int }
		response := api.NewRequest(options(server)).Get().Resource("pod").Do()
		if err := response.Into(&v); err != nil || response.StatusCode() != code || code != 205 && v.A != 1 {
			t.Errorf("%d: got %+v, %v", code, v, err)
		}
		if err := response.Close(); err != nil {
			t.Error(err)
		}
	}
	const status = `{"kind":"Status","status":"Failure","message":"pods \"a\" already exists","reason":"AlreadyExists","code":409}`
	for _, c := range []struct {
		code       int
		body, want string
		is         error
	}{
		{404, status, "kubernetes: resource not found", api.ErrNotFound},
		{409, status, status, nil},
		{410, "gone", "gone", nil},
		{500, "", "kubernetes: unknown error: GET " + server.URL + "/api/v1/namespaces/default/pods/: 500 Internal Server Error", api.ErrUnknown},
	} {
		server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
			w.WriteHeader(c.code)
			fmt.Fprint(w, c.body)
			return true
		})
		response := api.NewRequest(options(server)).Get().Resource("pod").Do()
		err := response.Error()
		if err == nil || err.Error() != c.want || c.is != nil && !errors.Is(err, c.is) || response.StatusCode() != c.code {
			t.Errorf("%d: got %v", c.code, err)
		}
		var refused *api.StatusError
		if errors.As(err, &refused) && refused.Code != c.code {
			t.Errorf("got %+v", refused)
		}
		if c.code == 409 && refused.Status.Reason != "AlreadyExists" {
			t.Errorf("got %+v", refused)
		}
		if into := response.Into(nil); into != err {
			t.Errorf("Into returned %v", into)
		}
	}
}

func TestHalfAResponseIsAnError(t *testing.T) {
	server := kubetest.New(t)
	for _, body := range []string{`{"a":`, "", "nonsense"} {
		server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Length", fmt.Sprint(len(body)+10))
			_, _ = io.WriteString(w, body)
			return true
		})
		var v any
		err := api.NewRequest(options(server)).Get().Resource("pod").Name("x").Do().Into(&v)
		if !errors.Is(err, api.ErrDecode) || !strings.HasPrefix(err.Error(), "kubernetes: error decoding: ") || !strings.Contains(err.Error(), "/pods/x") {
			t.Errorf("got %v", err)
		}
	}
}

func TestAServerThatIsBusyIsAskedAgain(t *testing.T) {
	server := kubetest.New(t)
	busy := 2
	retry := "0"
	server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		if busy--; busy < 0 {
			return true
		}
		w.Header().Set("Retry-After", retry)
		kubetest.Refuse(w, http.StatusTooManyRequests, "TooManyRequests", "")
		return true
	})
	post := func(ctx context.Context) error {
		r := api.NewRequest(options(server)).Post().Resource("pod").Body("x")
		r.Context(ctx)
		return r.Do().Error()
	}
	if err := post(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range server.Requests() {
		if r.Body != `"x"` {
			t.Errorf("the body is %q", r.Body)
		}
	}
	busy = 1000
	if err := post(t.Context()); err == nil || !strings.Contains(err.Error(), "TooManyRequests") {
		t.Errorf("got %v", err)
	}
	if n := len(server.Requests()); n != 4 {
		t.Errorf("asked %d times", n)
	}
	retry = "3600" // nobody waits for that
	if err := post(t.Context()); err == nil || len(server.Requests()) != 1 {
		t.Errorf("got %v", err)
	}
	retry = "9"
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
	defer cancel()
	if err := post(ctx); err == nil || len(server.Requests()) != 1 {
		t.Errorf("got %v", err)
	}
}

func TestARequestEndsWithItsContext(t *testing.T) {
	server := kubetest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	server.Fault(func(w http.ResponseWriter, r *http.Request) bool {
		cancel()
		<-r.Context().Done()
		return true
	})
	r := api.NewRequest(options(server)).Get().Resource("pod")
	r.Context(ctx)
	response := r.Do()
	if err := response.Error(); !errors.Is(err, context.Canceled) || response.StatusCode() != 0 || response.Close() != nil {
		t.Errorf("got %v", err)
	}
}
