package server_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func TestOptionsHandedOutAreCopies(t *testing.T) {
	pass := func(next server.HandlerFunc) server.HandlerFunc { return next }
	s := newServer(t, server.Metadata(map[string]string{"k": "v"}), server.WrapHandler(pass), server.WrapHandler(pass),
		server.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc { return next }),
		server.ListenOption(func(*transport.ListenOptions) {}), server.Codec("a/b", json.NewCodec))
	handle(t, s, newEcho())
	start(t, s)
	var all sync.WaitGroup
	for range 4 { // beside each other, and beside registrations: the race detector watches
		all.Go(func() {
			o := s.Options()
			o.Metadata["k"] = "changed"
			o.Codecs["a/b"] = nil
			o.HdlrWrappers[0] = nil
			o.SubWrappers[0] = nil
			o.ListenOptions[0] = nil
			_ = append(o.HdlrWrappers[:1], nil)
			if err := s.Init(server.Version("2")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	o := s.Options()
	if o.Metadata["k"] != "v" || o.Codecs["a/b"] == nil || o.HdlrWrappers[0] == nil || o.HdlrWrappers[1] == nil || o.SubWrappers[0] == nil || o.ListenOptions[0] == nil {
		t.Errorf("the options of the server have changed: %+v", o)
	}
	testkit.Eventually(t, "the registry has version 2", func() bool {
		got, err := s.Options().Registry.GetService("test") // for a moment both versions
		return err == nil && len(got) == 1 && got[0].Version == "2"
	})
	if got := registered(t, s).Nodes[0].Metadata["k"]; got != "v" {
		t.Errorf("the node's metadata is %q", got)
	}
}

func TestOptionsTakenInAreCopied(t *testing.T) {
	md := map[string]string{"k": "v"}
	o := server.NewOptions(server.Metadata(md))
	s := newServer(t, server.Metadata(md))
	md["k"] = "changed"
	if o.Metadata["k"] != "v" || s.Options().Metadata["k"] != "v" {
		t.Error("the metadata of the caller is shared")
	}
	given := map[string]string{"k": "v"}
	if err := s.Init(func(o *server.Options) { o.Metadata = given }); err != nil {
		t.Fatal(err)
	}
	given["k"] = "changed"
	if s.Options().Metadata["k"] != "v" {
		t.Error("a map that an option of the user's sets is shared")
	}
}

func TestHandlersAndSubscribersHandOutCopies(t *testing.T) {
	md := map[string]string{"a": "b"}
	h := server.NewRpcHandler(newEcho(), server.EndpointMetadata("Echo.Call", md))
	md["a"] = "changed"
	h.Options().Metadata["Echo.Call"]["a"] = "changed"
	spoil(h.Endpoints())
	if got := h.Options().Metadata["Echo.Call"]["a"]; got != "b" {
		t.Errorf("the handler's options are %v", h.Options())
	}
	if e := h.Endpoints()[0]; e.Name != "Echo.Call" || e.Metadata["a"] != "b" || e.Request.Name != "Text" {
		t.Errorf("the handler's endpoint is %+v", e)
	}
	sub := server.NewSubscriber("news", ignore)
	spoil(sub.Endpoints())
	if e := sub.Endpoints()[0]; e.Name != "Func" || e.Metadata["topic"] != "news" || e.Request.Name != "Text" {
		t.Errorf("the subscriber's endpoint is %+v", e)
	}
}

func spoil(endpoints []*registry.Endpoint) {
	for _, e := range endpoints {
		e.Name, e.Request.Name = "spoiled", "spoiled"
		clear(e.Metadata)
	}
	clear(endpoints)
}

func TestARegistryThatChangesWhatItIsGivenChangesNothingElse(t *testing.T) {
	reg := spoilingRegistry{registry.NewMemoryRegistry()}
	s := newServer(t, server.Registry(reg), server.Metadata(map[string]string{"k": "v"}))
	handle(t, s, newEcho())
	start(t, s)
	if err := s.Init(server.Version("2")); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the registry has version 2", func() bool {
		got, _ := reg.GetService("test")
		return slices.ContainsFunc(got, func(v *registry.Service) bool {
			return v.Version == "2" && v.Nodes[0].Metadata["k"] == "v" && v.Endpoints[0].Name == "Echo.Call"
		})
	})
}

type spoilingRegistry struct{ registry.Registry }

func (r spoilingRegistry) Register(s *registry.Service, o ...registry.RegisterOption) error {
	err := r.Registry.Register(s, o...)
	spoil(s.Endpoints)
	clear(s.Nodes[0].Metadata)
	s.Name = "spoiled"
	return err
}

func TestSubscribersGetBodiesOfTheirOwn(t *testing.T) {
	s := newServer(t, server.WrapSubscriber(func(next server.SubscriberFunc) server.SubscriberFunc {
		return func(ctx context.Context, m server.Message) error {
			b := m.Body()
			defer clear(b)
			if string(b) != `{"text":"x"}` {
				t.Errorf("the body is %q", b)
			}
			return next(ctx, m)
		}
	}))
	got := make(chan string, 2)
	for range 2 {
		subscribe(t, s, "news", func(_ context.Context, m *Text) error { got <- m.Text; return nil })
	}
	start(t, s)
	if err := publish(s, "news", eventMessage("news", `{"text":"x"}`)); err != nil {
		t.Fatal(err)
	}
	if a, b := <-got, <-got; a != "x" || b != "x" {
		t.Errorf("received %q and %q", a, b)
	}
}
