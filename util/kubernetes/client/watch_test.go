package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/kubetest"
	"github.com/justcy/go-micro/v4/util/kubernetes/api"
	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

func TestAWatchTellsOfEventsUntilItsStreamEnds(t *testing.T) {
	server := kubetest.New(t)
	server.Put("/api/v1/namespaces/ns-1/pods/a", `{"metadata": {"labels": {"x": "1"}}}`)
	w, err := client.NewLocalClient(server.URL).Watch(&client.Resource{Kind: "pod"},
		client.WatchNamespace("ns/1"), client.WatchParams(map[string]string{"labelSelector": "x=1"}))
	if err != nil {
		t.Fatal(err)
	}
	if got := server.Requests()[0].String(); got != "GET /api/v1/namespaces/ns-1/pods/?labelSelector=x%3D1&watch=true" {
		t.Errorf("asked for %s", got)
	}
	server.Put("/api/v1/namespaces/ns-1/pods/b", `{"metadata": {"labels": {"x": "2"}}}`)
	server.Remove("/api/v1/namespaces/ns-1/pods/a")
	for _, want := range []string{"ADDED a 2", "DELETED a 4"} {
		if got := happened(t, <-w.Chan()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	server.CloseClientConnections()
	if e, open := <-w.Chan(); open {
		t.Errorf("got %v after the end", e)
	}
	w.Stop()
	w.Stop()
}

func TestStopEndsAWatchThatNobodyReads(t *testing.T) {
	server := kubetest.New(t)
	c := client.NewLocalClient(server.URL)
	for _, opts := range [][]client.WatchOption{nil, {client.WatchResume()}} {
		w, err := c.Watch(&client.Resource{Kind: "pod"}, opts...)
		if err != nil {
			t.Fatal(err)
		}
		server.Put(pods+"a", `{}`)
		w.Stop()
		for range w.Chan() { // ends
		}
		ctx, cancel := context.WithCancel(t.Context())
		if w, err = c.Watch(&client.Resource{Kind: "pod"}, append(opts, client.WatchContext(ctx))...); err != nil {
			t.Fatal(err)
		}
		cancel()
		for range w.Chan() { // ends
		}
	}
}

func TestLinesThatAreNoEventsAreSkipped(t *testing.T) {
	server := kubetest.New(t)
	server.Fault(func(rw http.ResponseWriter, r *http.Request) bool {
		fmt.Fprintf(rw, "nonsense\n\n{}\n{\"type\": 1}\n%s\n%s", `{"type":"ERROR","object":{"code":500}}`, `{"type":"ADDED","obj`)
		return true
	})
	w, err := client.NewLocalClient(server.URL).Watch(&client.Resource{Kind: "pod", Name: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Stop()
	if e := <-w.Chan(); e.Type != client.Error || string(e.Object) != `{"code":500}` {
		t.Errorf("got %s %s", e.Type, e.Object)
	}
	if e, open := <-w.Chan(); open {
		t.Errorf("got %s %s", e.Type, e.Object)
	}
}

func TestStreamsThatAreRefusedAreNamed(t *testing.T) {
	server := kubetest.New(t)
	c := client.NewLocalClient(server.URL)
	_, err := c.Log(&client.Resource{Kind: "pod", Name: "none"})
	if want := server.URL + "/api/v1/namespaces/default/pods/none/log: 404 Not Found"; err == nil || err.Error() != want || !errors.Is(err, api.ErrNotFound) {
		t.Errorf("got %v, want %s", err, want)
	}
	server.Fault(func(rw http.ResponseWriter, r *http.Request) bool { rw.WriteHeader(http.StatusGone); return true })
	if _, err = c.Watch(&client.Resource{Kind: "pod"}); err == nil || !strings.HasSuffix(err.Error(), "/pods/?watch=true: 410 Gone") {
		t.Errorf("got %v", err)
	}
}

func TestLogsAreRead(t *testing.T) {
	server := kubetest.New(t)
	server.Log("a", "1", "2", "3")
	body, err := client.NewLocalClient(server.URL).Log(&client.Resource{Name: "a"}, client.LogNamespace("x"), client.LogParams(map[string]string{"tailLines": "2"}))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if text, err := io.ReadAll(body); string(text) != "2\n3\n" || err != nil {
		t.Errorf("got %q, %v", text, err)
	}
	if got := server.Requests()[0].String(); got != "GET /api/v1/namespaces/x/pods/a/log?tailLines=2" {
		t.Errorf("asked for %s", got)
	}
}
