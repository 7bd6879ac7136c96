package broker_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/registry"
)

const broadcast = "ff.http.broadcast"

func numbers(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// dropped collects what the ErrorHandler is told.
type dropped struct {
	log
	reasons atomic.Pointer[error]
}

func (d *dropped) option() broker.Option {
	return broker.ErrorHandler(func(e broker.Event) error {
		err := e.Error()
		d.reasons.Store(&err)
		return d.handle(e)
	})
}

func TestWireFormIsPlain(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	p := newPeer(t, r, "topic", broadcast, nil)
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	header := map[string]string{"K": "v"}
	if err := b.Publish("topic", &broker.Message{Header: header, Body: []byte("hi")}); err != nil {
		t.Fatal(err)
	}
	p.wantEventually(t, "hi")
	p.mu.Lock()
	defer p.mu.Unlock()
	req := p.requests[0]
	if req.Method != "POST" || req.URL.Path != "/" || req.URL.Query().Get("id") != p.service.Nodes[0].Id ||
		req.Header.Get("Content-Type") != "application/json" {
		t.Errorf("request is %s %s %v", req.Method, req.URL, req.Header)
	}
	if want := `{"Header":{"K":"v","Micro-Topic":"topic"},"Body":"aGk="}`; strings.TrimSpace(p.raw[0]) != want {
		t.Errorf("body is %s, want %s", p.raw[0], want)
	}
	if len(header) != 1 {
		t.Errorf("the publisher's header became %v", header)
	}
}

func TestMessagesOfASubscriberThatDisappearsGoToTheNext(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	started := make(chan struct{})
	release := make(chan struct{})
	var once sync.Once
	dying := connect(t, broker.NewBroker(broker.Registry(r), broker.DisconnectTimeout(time.Millisecond)))
	subscribe(t, dying, "topic", func(broker.Event) error {
		once.Do(func() { close(started) })
		<-release
		return nil
	}, broker.Queue("queue"))
	defer close(release)
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	publish(t, b, "topic", "1", "2")
	<-started
	if err := dying.Disconnect(); err == nil || !strings.Contains(err.Error(), "handlers are still at work") {
		t.Errorf("Disconnect with a handler at work: %v", err)
	}
	var next log
	subscribe(t, b, "topic", next.handle, broker.Queue("queue"))
	eventuallyEqual(t, next.got, []string{"1", "2"})
}

func TestDisconnectTellsWhatItCouldNotDeliverAndKeepsIt(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	p := newPeer(t, r, "dead", "queue", nil)
	p.Close()
	b := connect(t, broker.NewBroker(broker.Registry(r), broker.DisconnectTimeout(time.Millisecond)))
	publish(t, b, "dead", "1", "2", "3")
	publish(t, b, "nobody", "4")
	err := b.Disconnect()
	var undelivered *broker.UndeliveredError
	if !errors.As(err, &undelivered) || undelivered.Topics["dead"] != 3 || undelivered.Topics["nobody"] != 1 {
		t.Fatalf("Disconnect: %v", err)
	}
	if want := "messages were not delivered: topic dead: 3, topic nobody: 1"; undelivered.Error() != want {
		t.Errorf("the error reads %q", undelivered.Error())
	}
	p.leave(t)
	alive := newPeer(t, r, "dead", "queue", nil)
	connect(t, b)
	alive.wantEventually(t, "1", "2", "3")
}

// flaky is a registry that can be switched off.
type flaky struct {
	registry.Registry
	down         atomic.Bool
	onDeregister func()
}

var errDown = errors.New("registry is down")

func (f *flaky) GetService(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Registry.GetService(name, opts...)
}

func (f *flaky) Register(s *registry.Service, opts ...registry.RegisterOption) error {
	if f.down.Load() {
		return errDown
	}
	return f.Registry.Register(s, opts...)
}

func (f *flaky) Deregister(s *registry.Service, opts ...registry.DeregisterOption) error {
	if f.onDeregister != nil {
		f.onDeregister()
	}
	if f.down.Load() {
		return errDown
	}
	return f.Registry.Deregister(s, opts...)
}

func TestPublishFailsWhileTheRegistryCannotBeAsked(t *testing.T) {
	t.Parallel()
	r := &flaky{Registry: registry.NewMemoryRegistry()}
	p := newPeer(t, r.Registry, "topic", "queue", nil)
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	r.down.Store(true)
	if err := b.Publish("topic", &broker.Message{Body: []byte("1")}); !errors.Is(err, errDown) || !strings.Contains(err.Error(), "topic") {
		t.Errorf("Publish without the registry: %v", err)
	}
	if _, err := b.Subscribe("topic", new(log).handle); !errors.Is(err, errDown) {
		t.Errorf("Subscribe without the registry: %v", err)
	}
	r.down.Store(false)
	publish(t, b, "topic", "2")
	p.wantEventually(t, "2") // and not what Publish refused
	if got := nodes(t, r); len(got[broadcast]) != 0 {
		t.Errorf("the failed Subscribe left %v", got)
	}
}

func TestPublishRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	b := connect(t, broker.NewBroker(broker.Registry(registry.NewMemoryRegistry()), broker.MaxMessageSize(100)))
	for name, err := range map[string]error{
		"huge":  b.Publish("topic", &broker.Message{Body: make([]byte, 100)}),
		"nil":   b.Publish("topic", nil),
		"empty": b.Publish("", &broker.Message{}),
	} {
		if err == nil || errors.Is(err, registry.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
