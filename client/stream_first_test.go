package client_test

import (
	"context"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// The stream that opens a connection has a message of its own for that. Its bytes
// count at both ends, or one of them would find the other one's credit wrong.
func TestAConnectionThatAStreamHasOpenedGoesOnForCalls(t *testing.T) {
	r := registry.NewMemoryRegistry()
	s := server.NewServer(server.Name("first"), server.Address("127.0.0.1:0"), server.Registry(r), server.Transport(transport.NewHTTPTransport()))
	if err := s.Handle(s.NewHandler(new(FirstEcho))); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c := client.NewClient(client.Registry(r), client.Transport(transport.NewHTTPTransport()), client.ContentType("application/json"), client.Retries(0))
	ctx := context.Background()
	defer c.Options().Selector.Close()
	message := &FirstMessage{Text: strings.Repeat("x", 1<<10)}
	stream, err := c.Stream(ctx, c.NewRequest("first", "FirstEcho.Stream", message, client.StreamingRequest()))
	if err != nil {
		t.Fatal(err)
	}
	got := new(FirstMessage)
	for range 2000 {
		if err := stream.Send(message); err != nil {
			t.Fatal(err)
		}
		if err := stream.Recv(got); err != nil || got.Text != message.Text {
			t.Fatal(got, err)
		}
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		if err := c.Call(ctx, c.NewRequest("first", "FirstEcho.Call", message), got); err != nil {
			t.Fatal(err)
		}
	}
}

// FirstMessage is what FirstEcho sends back.
type FirstMessage struct{ Text string }

// FirstEcho sends back what it gets.
type FirstEcho struct{}

func (*FirstEcho) Call(_ context.Context, req, rsp *FirstMessage) error {
	*rsp = *req
	return nil
}

func (*FirstEcho) Stream(_ context.Context, s server.Stream) error {
	for {
		var m FirstMessage
		if err := s.Recv(&m); err != nil {
			return err
		}
		if err := s.Send(&m); err != nil {
			return err
		}
	}
}
