package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/client"
	"github.com/justcy/go-micro/v4/api/handler/rpc"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/server"
)

func TestMain(m *testing.M) {
	testkit.Main(m, http.DefaultTransport.(*http.Transport).CloseIdleConnections)
}

type message struct {
	Name string `json:"name"`
}

func TestACallIsAPOSTOfJSON(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprint(r.Method, " ", r.URL, " ", r.Header.Get("Content-Type"), " ", r.Header.Get("Authorization"), " ", string(body))
		switch r.URL.Path {
		case "/a/Empty":
			w.WriteHeader(http.StatusNoContent)
		case "/a/Fail":
			http.Error(w, `{"id":"a"}`, http.StatusConflict)
		default:
			w.WriteHeader(http.StatusCreated)
			fmt.Fprint(w, `{"name":"Bob"}`)
		}
	}))
	defer s.Close()
	for _, address := range []string{s.URL, strings.TrimPrefix(s.URL, "http://"), s.URL + "/"} {
		c := client.NewClient(&client.Options{Address: address})
		c.SetToken("secret")
		rsp := message{}
		if err := c.Call("a", "B", &message{"Ada"}, &rsp); err != nil || rsp.Name != "Bob" || got != `POST /a/B application/json Bearer secret {"name":"Ada"}` {
			t.Errorf("%s: got %+v, %v, %s", address, rsp, err, got)
		}
		if err := c.Call("a", "Empty", nil, &rsp); err != nil || rsp.Name != "Bob" {
			t.Errorf("an empty reply: %+v, %v", rsp, err)
		}
		if err := c.Call("a", "Fail", nil, &rsp); err == nil || strings.TrimSpace(err.Error()) != `{"id":"a"}` {
			t.Errorf("a failure: %v", err)
		}
	}
}

func TestATimeoutEndsACall(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // or the server does not notice that its client is gone
		<-r.Context().Done()
	}))
	defer s.Close()
	c := client.NewClient(&client.Options{Address: s.URL})
	c.SetTimeout(time.Millisecond)
	if err := c.Call("a", "B", nil, nil); err == nil || !strings.Contains(err.Error(), "Timeout") {
		t.Errorf("got %v", err)
	}
}

// Echo sends back what it receives.
type Echo struct{ ended chan error }

func (e *Echo) Talk(_ context.Context, s server.Stream) error {
	for {
		var m json.RawMessage
		if err := s.Recv(&m); err != nil {
			e.ended <- err
			return err
		}
		if err := s.Send(&m); err != nil {
			return err
		}
	}
}

func TestAStreamSendsAndReceivesJSON(t *testing.T) {
	w := apitest.NewWorld(t)
	e := &Echo{ended: make(chan error, 1)}
	w.Serve("go.micro.echo", e, api.WithEndpoint(&api.Endpoint{Name: "Echo.Talk", Path: []string{"/echo/Talk"}, Method: []string{"GET"}, Handler: "rpc"}))
	c := client.NewClient(&client.Options{Address: w.Listen(rpc.NewHandler(w.Options(w.Router())...)), Timeout: testkit.Patience})
	s, err := c.Stream("echo", "Talk", &message{"first"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"first", "second"} {
		var got message
		if err := s.Recv(&got); err != nil || got.Name != want {
			t.Fatalf("got %+v, %v", got, err)
		}
		if want == "first" {
			if err := s.Send(&message{"second"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-e.ended
	if _, err := client.NewClient(&client.Options{Address: "127.0.0.1:1"}).Stream("a", "B", nil); err == nil {
		t.Error("nobody listens")
	}
}
