package client_test

import (
	"context"
	stderrors "errors"
	"maps"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport"
)

// recorder is a broker that keeps what is published.
type recorder struct {
	broker.Broker

	mu       sync.Mutex
	connects int
	refuse   error // returned by Connect
	fail     error // returned by Publish
	topics   []string
	messages []*broker.Message
	contexts []context.Context
}

func (r *recorder) Connect() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connects++
	return r.refuse
}

func (r *recorder) Publish(topic string, m *broker.Message, opts ...broker.PublishOption) error {
	var o broker.PublishOptions
	for _, opt := range opts {
		opt(&o)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.topics = append(r.topics, topic)
	r.messages = append(r.messages, m)
	r.contexts = append(r.contexts, o.Context)
	return r.fail
}

func (r *recorder) String() string { return "recorder" }

func TestPublishedMessagesHaveTheFormOfTheirContentType(t *testing.T) {
	for _, e := range []struct {
		contentType string
		payload     any
		body        string
	}{
		{"application/json", &echoBody{"Ada"}, `{"name":"Ada"}` + "\n"},
		{"application/json-rpc", &echoBody{"Ada"}, `{"name":"Ada"}`},
		{"application/protobuf", wrapperspb.String("Ada"), "\n\x03Ada"},
		{"application/proto-rpc", wrapperspb.String("Ada"), "\n\x03Ada"},
		{"application/json", &bytes.Frame{Data: []byte("raw")}, "raw"},
	} {
		t.Run(e.contentType, func(t *testing.T) {
			b := &recorder{}
			c := newClient(t, transport.NewMemoryTransport(), client.Broker(b))
			ctx := metadata.NewContext(context.Background(), metadata.Metadata{"authorization": "Bearer x"})
			msg := c.NewMessage("greetings", e.payload, client.WithMessageContentType(e.contentType))
			if err := c.Publish(ctx, msg); err != nil {
				t.Fatal(err)
			}
			got := b.messages[0]
			if _, err := uuid.Parse(got.Header["Micro-ID"]); err != nil {
				t.Errorf("Micro-ID: %v", err)
			}
			delete(got.Header, "Micro-ID")
			want := map[string]string{"Authorization": "Bearer x", "Content-Type": e.contentType, "Micro-Topic": "greetings"}
			if !maps.Equal(got.Header, want) {
				t.Errorf("headers are %v, want %v", got.Header, want)
			}
			if string(got.Body) != e.body || b.topics[0] != "greetings" {
				t.Errorf("published %q to %s", got.Body, b.topics[0])
			}
		})
	}
}

func TestAnExchangeReplacesTheTopicForTheBroker(t *testing.T) {
	b := &recorder{}
	c := newClient(t, transport.NewMemoryTransport(), client.Broker(b))
	type key struct{}
	ctx := context.WithValue(context.Background(), key{}, 1)
	if err := c.Publish(context.Background(), c.NewMessage("greetings", nil), client.WithExchange("all"), client.PublishContext(ctx)); err != nil {
		t.Fatal(err)
	}
	if b.topics[0] != "all" || b.messages[0].Header["Micro-Topic"] != "greetings" || b.contexts[0] != ctx {
		t.Errorf("published to %s with %v", b.topics[0], b.messages[0].Header)
	}
	if got := b.messages[0].Header["Content-Type"]; got != "application/json" {
		t.Errorf("content type is %s", got)
	}
}

func TestPublishDoesNotCopyTransportHeaders(t *testing.T) {
	b := &recorder{}
	c := newClient(t, transport.NewMemoryTransport(), client.Broker(b))
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{
		"Connection": "close", "content-length": "9", "Micro-Stream": "1", "micro-error": "x", "Timeout": "1",
		":path": "/", "Micro-Topic": "other", "Micro-Id": "7", "Trace": "t",
	})
	if err := c.Publish(ctx, c.NewMessage("greetings", nil)); err != nil {
		t.Fatal(err)
	}
	got := b.messages[0].Header
	delete(got, "Micro-ID")
	want := map[string]string{"Trace": "t", "Content-Type": "application/json", "Micro-Topic": "greetings"}
	if !maps.Equal(got, want) {
		t.Errorf("headers are %v, want %v", got, want)
	}
}

func TestErrorsOfPublishSayWhatFailed(t *testing.T) {
	broken := stderrors.New("100% broken")
	for _, e := range []struct {
		name    string
		broker  *recorder
		message client.Message
		detail  string
	}{
		{"unknown content type", &recorder{}, client.NewMessage("t", nil, client.WithMessageContentType("a/b")), "unsupported Content-Type: a/b"},
		{"encode", &recorder{}, client.NewMessage("t", make(chan int)), "json: unsupported type: chan int"},
		{"connect", &recorder{refuse: broken}, client.NewMessage("t", nil), "100% broken"},
	} {
		t.Run(e.name, func(t *testing.T) {
			c := newClient(t, transport.NewMemoryTransport(), client.Broker(e.broker))
			wantError(t, c.Publish(context.Background(), e.message), "go.micro.client", 500, e.detail)
		})
	}
	t.Run("broker", func(t *testing.T) {
		c := newClient(t, transport.NewMemoryTransport(), client.Broker(&recorder{fail: broken}))
		if err := c.Publish(context.Background(), c.NewMessage("t", nil)); err != broken {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no broker", func(t *testing.T) {
		c := newClient(t, transport.NewMemoryTransport(), client.Broker(nil))
		wantError(t, c.Publish(context.Background(), c.NewMessage("t", nil)), "go.micro.client", 500, "the client has no broker to publish with")
	})
	t.Run("context done", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		c := newClient(t, transport.NewMemoryTransport(), client.Broker(&recorder{}))
		wantError(t, c.Publish(ctx, c.NewMessage("t", nil)), "go.micro.client", 408, "context canceled")
	})
}

func TestPublishConnectsTheBrokerOnce(t *testing.T) {
	b := &recorder{refuse: stderrors.New("not yet")}
	c := newClient(t, transport.NewMemoryTransport(), client.Broker(b))
	if err := c.Publish(context.Background(), c.NewMessage("t", nil)); err == nil {
		t.Fatal("no error")
	}
	b.mu.Lock()
	b.refuse, b.connects = nil, 0
	b.mu.Unlock()
	var publishing sync.WaitGroup
	for range 10 {
		publishing.Go(func() {
			if err := c.Publish(context.Background(), c.NewMessage("t", nil)); err != nil {
				t.Error(err)
			}
		})
	}
	publishing.Wait()
	if b.connects != 1 {
		t.Errorf("connected %d times", b.connects)
	}
	other := &recorder{}
	if err := c.Init(client.Broker(other)); err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(context.Background(), c.NewMessage("t", nil)); err != nil || other.connects != 1 {
		t.Errorf("the new broker was connected %d times, %v", other.connects, err)
	}
}
