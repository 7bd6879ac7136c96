package broker_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

// peer is a subscriber of another make: it knows the wire form and nothing of
// batches.
type peer struct {
	*httptest.Server
	registry registry.Registry
	service  *registry.Service

	mu       sync.Mutex
	bodies   []string
	requests []*http.Request
	raw      []string
}

// newPeer registers a subscriber whose replies are chosen by answer, from the
// message's body and how many requests came before; nil means 200.
func newPeer(t *testing.T, r registry.Registry, topic, version string, answer func(body string, before int) int) *peer {
	t.Helper()
	p := &peer{registry: r}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		raw, _ := io.ReadAll(req.Body)
		var m struct {
			Header map[string]string
			Body   []byte
		}
		_ = json.Unmarshal(raw, &m)
		p.mu.Lock()
		before := len(p.bodies)
		p.bodies = append(p.bodies, string(m.Body))
		p.requests = append(p.requests, req)
		p.raw = append(p.raw, string(raw))
		p.mu.Unlock()
		if answer != nil {
			w.WriteHeader(answer(string(m.Body), before))
		}
	}))
	t.Cleanup(p.Close)
	p.service = &registry.Service{Name: "micro.http.broker", Version: version, Nodes: []*registry.Node{{
		Id:       topic + "-" + version + "-peer " + strings.TrimPrefix(p.URL, "http://"),
		Address:  strings.TrimPrefix(p.URL, "http://"),
		Metadata: map[string]string{"broker": "http", "topic": topic, "secure": "false"},
	}}}
	p.register(t)
	return p
}

func (p *peer) register(t *testing.T) {
	t.Helper()
	if err := p.registry.Register(p.service); err != nil {
		t.Fatal(err)
	}
}

func (p *peer) leave(t *testing.T) {
	t.Helper()
	if err := p.registry.Deregister(p.service); err != nil {
		t.Fatal(err)
	}
}

func (p *peer) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.bodies)
}

func (p *peer) wantEventually(t *testing.T, want ...string) {
	t.Helper()
	eventuallyEqual(t, p.got, want)
}

func eventuallyEqual(t *testing.T, got func() []string, want []string) {
	t.Helper()
	testkit.Eventually(t, fmt.Sprintf("delivery of %d messages", len(want)), func() bool { return len(got()) >= len(want) })
	if g := got(); !slices.Equal(g, want) {
		t.Errorf("got %q, want %q", g, want)
	}
}

// log collects the bodies a handler gets.
type log struct {
	mu     sync.Mutex
	bodies []string
}

func (l *log) handle(e broker.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.bodies = append(l.bodies, string(e.Message().Body))
	return nil
}

func (l *log) got() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.bodies)
}

func connect(t testing.TB, b broker.Broker) broker.Broker {
	t.Helper()
	if err := b.Connect(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Disconnect() })
	return b
}

func publish(t testing.TB, b broker.Broker, topic string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := b.Publish(topic, &broker.Message{Body: []byte(body)}); err != nil {
			t.Fatalf("publishing %s: %v", body, err)
		}
	}
}

func subscribe(t testing.TB, b broker.Broker, topic string, h broker.Handler, opts ...broker.SubscribeOption) broker.Subscriber {
	t.Helper()
	s, err := b.Subscribe(topic, h, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// nodes returns the registered nodes of all http brokers, by version.
func nodes(t testing.TB, r registry.Registry) map[string][]*registry.Node {
	t.Helper()
	services, err := r.GetService("micro.http.broker")
	if err != nil && err != registry.ErrNotFound {
		t.Fatal(err)
	}
	byVersion := map[string][]*registry.Node{}
	for _, s := range services {
		byVersion[s.Version] = append(byVersion[s.Version], s.Nodes...)
	}
	return byVersion
}
