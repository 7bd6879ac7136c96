package event_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/handler/event"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	pb "github.com/justcy/go-micro/v4/api/proto"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestThePathNamesTheTopicAndTheEvent(t *testing.T) {
	for _, tc := range []struct{ namespace, path, topic, action string }{
		{"ns", "/", "ns", "event"},
		{"ns", "/foo", "ns.foo", "foo"},
		{"ns", "/foo/bar/baz", "ns.foo", "bar.baz"},
		{"ns", "/v1/foo/bar", "ns.v1.foo", "foo.bar"},
		{"ns", "/v1", "ns.v1", "v1"},
		{"ns", "//foo/./bar/", "ns.foo", "bar"},
		{"", "/foo", "foo", "foo"},
	} {
		w := apitest.NewWorld(t)
		if err := w.Broker.Connect(); err != nil {
			t.Fatal(err)
		}
		got := make(chan *broker.Message, 1)
		if _, err := w.Broker.Subscribe(tc.topic, func(e broker.Event) error { got <- e.Message(); return nil }); err != nil {
			t.Fatal(err)
		}
		h := event.NewHandler(handler.WithNamespace(tc.namespace), handler.WithClient(w.Client))
		r := httptest.NewRequest("POST", "http://h/x", strings.NewReader("data"))
		r.URL.Path = tc.path
		r.Header.Set("Micro-Topic", "other")
		if rec := apitest.Do(h, r); rec.Code != 200 || rec.Body.Len() != 0 {
			t.Fatalf("%s: %d %s", tc.path, rec.Code, rec.Body)
		}
		var e pb.Event
		select {
		case m := <-got:
			if err := json.Unmarshal(m.Body, &e); err != nil {
				t.Fatal(err)
			}
		case <-time.After(testkit.Patience):
			t.Fatalf("%s: nothing was published on %s", tc.path, tc.topic)
		}
		if e.GetName() != tc.action || e.GetData() != "data" || !strings.HasPrefix(e.GetId(), tc.topic+"-"+tc.action+"-") || e.GetTimestamp() == 0 || e.GetHeader()["Host"] == nil || e.GetHeader()["Micro-Topic"] != nil {
			t.Errorf("%s: got %+v", tc.path, &e)
		}
	}
}

func TestAQueryIsTheDataOfGET(t *testing.T) {
	w := apitest.NewWorld(t)
	_ = w.Broker.Connect()
	got := make(chan string, 1)
	_, _ = w.Broker.Subscribe("foo", func(e broker.Event) error {
		var v pb.Event
		err := json.Unmarshal(e.Message().Body, &v)
		got <- v.GetData()
		return err
	})
	h := event.NewHandler(handler.WithClient(w.Client))
	apitest.Do(h, httptest.NewRequest("GET", "/foo?a=1&a=2", nil))
	if data := <-got; data != `{"a":["1","2"]}` {
		t.Errorf("got %s", data)
	}
}

func TestWhatCannotBePublishedIsAnswered(t *testing.T) {
	h := event.NewHandler(handler.WithMaxRecvSize(2))
	if e := apitest.Failure(t, apitest.Do(h, httptest.NewRequest("POST", "/", nil))); e.GetCode() != 400 {
		t.Errorf("no topic: %v", e)
	}
	if e := apitest.Failure(t, apitest.Do(h, httptest.NewRequest("POST", "/a", strings.NewReader("xyz")))); e.GetCode() != 413 {
		t.Errorf("too long: %v", e)
	}
	if e := apitest.Failure(t, apitest.Do(h, httptest.NewRequest("GET", "/a?x=%zz", nil))); e.GetCode() != 400 {
		t.Errorf("broken query: %v", e)
	}
}
