package client_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/justcy/go-micro/v4/util/kubernetes/client"
)

// Whatever a server sends, a watch tells of the lines that are events, in order, and
// ends.
func FuzzAStreamOfEvents(f *testing.F) {
	f.Add([]byte(`{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}` + "\n{}\nx\n\n" + `{"type":"ERROR"}`))
	f.Add([]byte("{\"type\":\"\\u0000\"}\r\n\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		c := client.NewClientVia(way(func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Request: r, Body: io.NopCloser(bytes.NewReader(stream))}, nil
		}))
		w, err := c.Watch(&client.Resource{Kind: "pod"})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		for line := range bytes.Lines(stream) {
			var want client.Event
			if !bytes.HasSuffix(line, []byte("\n")) || json.Unmarshal(line, &want) != nil || want.Type == "" {
				continue
			}
			if got := <-w.Chan(); got.Type != want.Type || !bytes.Equal(got.Object, want.Object) {
				t.Errorf("got %s %s, want %s %s", got.Type, got.Object, want.Type, want.Object)
			}
		}
		if e, open := <-w.Chan(); open {
			t.Errorf("got %s %s", e.Type, e.Object)
		}
	})
}

// And one that resumes ends when it is stopped.
func FuzzAResumedStreamOfEvents(f *testing.F) {
	f.Add([]byte(`{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}`+"\n"), []byte(`{"items":[{"metadata":{"name":"b"}}]}`))
	f.Add([]byte(`{"type":"ERROR","object":{"code":410}}`+"\n"), []byte(`{"metadata":{"resourceVersion":"2"},"items":[null,{}]}`))
	f.Fuzz(func(t *testing.T, stream, list []byte) {
		synctest.Test(t, func(t *testing.T) { resume(t, stream, list) }) // its pauses take no time
	})
}

func resume(t *testing.T, stream, list []byte) {
	asked := make(chan bool, 1)
	n := 0
	c := client.NewClientVia(way(func(r *http.Request) (*http.Response, error) {
		body := list
		if r.URL.Query().Get("watch") == "true" {
			body = stream
		}
		if n++; n == 3 {
			asked <- true
		}
		return &http.Response{StatusCode: http.StatusOK, Request: r, Body: io.NopCloser(bytes.NewReader(body))}, nil
	}))
	w, err := c.Watch(&client.Resource{Kind: "pod"}, client.WatchResume())
	if err != nil {
		t.Fatal(err)
	}
	for done := false; !done; {
		select {
		case <-w.Chan():
		case done = <-asked:
		}
	}
	w.Stop()
}
