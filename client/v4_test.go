package client_test

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport"
)

// lines are the lines of a message head, sorted but for the first, and the body.
func lines(raw string) (head []string, body string) {
	h, body, _ := strings.Cut(raw, "\r\n\r\n")
	head = strings.Split(h, "\r\n")
	slices.Sort(head[1:])
	return head, body
}

func TestRequestsOverHTTPHaveTheBytesOfV4(t *testing.T) {
	s := newV4Server(t, v4Echo)
	c := newClient(t, transport.NewHTTPTransport())
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"authorization": "Bearer x"})
	if _, err := call(ctx, c, s.addr, client.WithRequestTimeout(0)); err != nil {
		t.Fatal(err)
	}
	checkBytes(t, s.received()[0].raw, `{"name":"Ada"}`+"\n",
		"POST / HTTP/1.1",
		"Accept: application/json",
		"Authorization: Bearer x",
		"Content-Length: 15",
		"Content-Type: application/json",
		"Host: "+s.addr,
		"Micro-Endpoint: Greeter.Hello",
		"Micro-Id: 0",
		"Micro-Method: Greeter.Hello",
		"Micro-Service: greeter")
}

// checkBytes compares a message with its lines. An offer to speak another
// protocol, which a v4 server ignores, makes no difference.
func checkBytes(t *testing.T, raw, wantBody string, want ...string) {
	t.Helper()
	head, body := lines(raw)
	head = slices.DeleteFunc(head, func(l string) bool {
		return strings.HasPrefix(l, "Connection: ") || strings.HasPrefix(l, "Upgrade: ")
	})
	if !slices.Equal(head, want) {
		t.Errorf("head is\n%s\nwant\n%s", strings.Join(head, "\n"), strings.Join(want, "\n"))
	}
	if body != wantBody {
		t.Errorf("body is %q, want %q", body, wantBody)
	}
}

func TestTheEndOfAStreamHasTheBytesOfV4OverHTTP(t *testing.T) {
	s := newV4Server(t, v4Echo)
	s.stream = func(v *v4Stream) error {
		_, err := v.recv()
		return err
	}
	c := newClient(t, transport.NewHTTPTransport())
	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", &echoBody{"first"}), client.WithAddress(s.addr))
	if err != nil {
		t.Fatal(err)
	}
	stream.Close()
	testkit.Eventually(t, "both messages arrive", func() bool { return len(s.received()) == 2 })
	common := []string{
		"POST / HTTP/1.1",
		"Accept: application/json",
		"Content-Length: 17",
		"Content-Type: application/json",
		"Host: " + s.addr,
		"Micro-Endpoint: Greeter.Chat",
		"Micro-Id: 0",
		"Micro-Method: Greeter.Chat",
		"Micro-Service: greeter",
		"Micro-Stream: 0",
	}
	checkBytes(t, s.received()[0].raw, `{"name":"first"}`+"\n", common...)
	end := slices.Insert(slices.Clone(common), 6, "Micro-Error: EOS")
	end[2] = "Content-Length: 0"
	checkBytes(t, s.received()[1].raw, "", end...)
}

func TestServersOfV4AreCalled(t *testing.T) {
	s := newV4Server(t, v4Echo)
	c := newClient(t, transport.NewHTTPTransport())
	for range 3 {
		if got, err := call(context.Background(), c, s.addr); err != nil || got != "Ada" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
}

func TestErrorsOfServersOfV4AreReceived(t *testing.T) {
	text := errors.Forbidden("greeter", "not you").Error()
	s := newV4Server(t, v4Fail(text))
	c := newClient(t, transport.NewHTTPTransport())
	for range 2 {
		_, err := call(context.Background(), c, s.addr)
		if err == nil || err.Error() != text || errors.FromError(err).Code != 403 {
			t.Errorf("got %v", err)
		}
	}
}

func TestStreamsWithServersOfV4CarryMessagesBothWays(t *testing.T) {
	s := newV4Server(t, v4Echo)
	s.stream = func(v *v4Stream) error {
		for {
			body, err := v.recv()
			if err == io.EOF {
				return v.send(`{"name":"last"}`)
			}
			if err != nil {
				return err
			}
			if err := v.send(body); err != nil {
				return err
			}
		}
	}
	c := newClient(t, transport.NewHTTPTransport())
	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", &echoBody{"first"}), client.WithAddress(s.addr))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	for _, name := range []string{"a", "b"} {
		if err := stream.Send(&echoBody{name}); err != nil {
			t.Fatal(err)
		}
		var got echoBody
		if err := stream.Recv(&got); err != nil || got.Name != name {
			t.Fatalf("got %q, %v", got.Name, err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	var got echoBody
	if err := stream.Recv(&got); err != nil || got.Name != "last" {
		t.Fatalf("after CloseSend got %q, %v", got.Name, err)
	}
	if err := stream.Close(); err != nil {
		t.Fatal(err)
	}
	requests := s.received()
	end := requests[len(requests)-1]
	if len(requests) != 4 || end.header["Micro-Error"] != "EOS" || end.header["Micro-Stream"] != "0" || end.body != "" {
		t.Errorf("%d messages arrived, the last one with %v", len(requests), end.header)
	}
}

func TestV4ServerEndsStream(t *testing.T) {
	s := newV4Server(t, v4Echo)
	s.stream = func(v *v4Stream) error { return v.send(`{"name":"only"}`) }
	c := newClient(t, transport.NewHTTPTransport())
	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.List", nil), client.WithAddress(s.addr))
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	var got echoBody
	if err := stream.Recv(&got); err != nil || got.Name != "only" {
		t.Fatalf("got %q, %v", got.Name, err)
	}
	if err := stream.Recv(&got); err != io.EOF {
		t.Errorf("the end is %v, want io.EOF", err)
	}
}
