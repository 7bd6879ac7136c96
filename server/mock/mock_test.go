package mock_test

import (
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/server/mock"
)

func TestStartAndStopFailWhenTheyAreRepeated(t *testing.T) {
	s := mock.NewServer(server.Name("x"))
	steps := []struct {
		do   func() error
		want string
	}{
		{s.Stop, "not running"}, {s.Start, ""}, {s.Start, "already running"}, {s.Stop, ""}, {s.Stop, "not running"},
		{s.Register, ""}, {s.Deregister, ""},
	}
	for i, step := range steps {
		got := ""
		if err := step.do(); err != nil {
			got = err.Error()
		}
		if got != step.want {
			t.Errorf("step %d: %q, want %q", i, got, step.want)
		}
	}
	if s.String() != "mock" || s.Options().Name != "x" {
		t.Errorf("%s %s", s, s.Options().Name)
	}
	if err := s.Init(server.Name("y")); err != nil || s.Options().Name != "y" {
		t.Errorf("init: %v, %s", err, s.Options().Name)
	}
}

func TestHandlersHaveUniqueNames(t *testing.T) {
	s := mock.NewServer()
	a, b := s.NewHandler(1), s.NewHandler(1)
	if a.Name() == b.Name() || a.Handler() != 1 {
		t.Errorf("%s and %s of %v", a.Name(), b.Name(), a.Handler())
	}
	for _, h := range []server.Handler{a, b} {
		if err := s.Handle(h); err != nil {
			t.Error(err)
		}
	}
	if err := s.Handle(a); err == nil || err.Error() != "Handler "+a.Name()+" already exists" {
		t.Errorf("a duplicate: %v", err)
	}
	if len(s.Handlers) != 2 || len(a.Endpoints()) != 0 {
		t.Errorf("%d handlers", len(s.Handlers))
	}
}

// The metadata map was nil, so that EndpointMetadata panicked.
func TestHandlerMetadataIsNotNil(t *testing.T) {
	s := mock.NewServer()
	if s.NewHandler(1).Options().Metadata == nil {
		t.Error("nil without options")
	}
	h := s.NewHandler(1, server.EndpointMetadata("A.B", map[string]string{"k": "v"}))
	if h.Options().Metadata["A.B"]["k"] != "v" {
		t.Errorf("metadata %v", h.Options().Metadata)
	}
}

func TestSubscribersAreKeptByTopic(t *testing.T) {
	s := mock.NewServer()
	sub := s.NewSubscriber("topic", strings.ToUpper, server.SubscriberQueue("q"))
	if err := s.Subscribe(sub); err != nil {
		t.Fatal(err)
	}
	if got := s.Subscribers["topic"]; len(got) != 1 || got[0].Options().Queue != "q" || !got[0].Options().AutoAck || got[0].Subscriber() == nil || len(got[0].Endpoints()) != 0 {
		t.Errorf("subscribers %v", got)
	}
}
