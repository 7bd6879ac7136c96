package micro_test

import (
	"bufio"
	"bytes"
	"context"
	stdjson "encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/jsonrpc"
	"github.com/justcy/go-micro/v4/codec/protorpc"
	merrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// documented returns the blocks of docs/wire.md, the headers of HTTP messages in
// order.
func documented(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("docs/wire.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, b := range regexp.MustCompile("(?s)```(?:http|json|text)\n(.*?)\n```").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, inOrder(b[1]))
	}
	return blocks
}

// inOrder sorts the headers of an HTTP message, whose order means nothing.
func inOrder(message string) string {
	head, body, isMessage := strings.Cut(message, "\n\n")
	lines := strings.Split(head, "\n")
	if !isMessage && !strings.Contains(lines[0], "HTTP/1.1") {
		return message
	}
	slices.Sort(lines[1:])
	return strings.TrimSpace(strings.Join(lines, "\n") + "\n\n" + body)
}

// wantDocumented compares a message with the blocks, without what is different each
// time.
func wantDocumented(t *testing.T, blocks []string, what, message string) {
	t.Helper()
	message = strings.ReplaceAll(message, "\r\n", "\n")
	for pattern, with := range map[string]string{
		`(?m)^Host: .*$`: "Host: 10.0.0.7:9090",
		`; to=.*`:        "; to=10.0.0.7:9090",
		`Timeout: \d+`:   "Timeout: 30000000000",
		`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`: "00000000-0000-0000-0000-000000000000",
	} {
		message = regexp.MustCompile(pattern).ReplaceAllString(message, with)
	}
	if message = inOrder(strings.TrimSpace(message)); !slices.Contains(blocks, message) {
		t.Errorf("%s is not in docs/wire.md:\n%s", what, message)
	}
}

// listen returns an address at which the first request is answered and handed on.
func listen(t *testing.T, reply string) (address string, request <-chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	got := make(chan string, 1)
	go func() {
		defer close(got)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		var raw bytes.Buffer
		req, err := http.ReadRequest(bufio.NewReader(io.TeeReader(c, &raw)))
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, req.Body)
		_, _ = io.WriteString(c, reply)
		got <- raw.String()
	}()
	return l.Addr().String(), got
}

// WireName is the request and the reply of the documented calls.
type WireName struct {
	Name string `json:"name"`
}

// Greeter is their handler.
type Greeter struct{}

// Hello greets.
func (*Greeter) Hello(_ context.Context, req, rsp *WireName) error {
	rsp.Name = "Hello " + req.Name
	return nil
}

// Fail fails.
func (*Greeter) Fail(context.Context, *WireName, *WireName) error { return fmt.Errorf("no") }

func TestRequestsAreAsDocumented(t *testing.T) {
	blocks := documented(t)
	r := registry.NewMemoryRegistry()

	address, request := listen(t, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
	c := client.NewClient(client.Registry(r), client.Transport(transport.NewHTTPTransport()), client.Broker(broker.NewMemoryBroker()))
	defer c.(io.Closer).Close()
	call := c.NewRequest("greeter", "Greeter.Hello", &WireName{"John"})
	if err := c.Call(context.Background(), call, new(WireName), client.WithAddress(address)); err != nil {
		t.Error(err)
	}
	wantDocumented(t, blocks, "a call", <-request)

	address, request = listen(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
	subscriber := &registry.Service{Name: "micro.http.broker", Version: "queue", Nodes: []*registry.Node{{
		Id: "orders-1", Address: address, Metadata: map[string]string{"broker": "http", "topic": "orders"},
	}}}
	if err := r.Register(subscriber); err != nil {
		t.Fatal(err)
	}
	b := broker.NewBroker(broker.Registry(r), broker.Addrs("127.0.0.1:0"))
	publisher := client.NewClient(client.Registry(r), client.Broker(b))
	defer publisher.(io.Closer).Close()
	if err := publisher.Publish(context.Background(), publisher.NewMessage("orders", &WireName{"lamp"})); err != nil {
		t.Error(err)
	}
	wantDocumented(t, blocks, "a message of the http broker", <-request)
	if err := b.Disconnect(); err != nil {
		t.Error(err)
	}
}

func TestRepliesAreAsDocumented(t *testing.T) {
	blocks := documented(t)
	s := server.NewServer(server.Registry(registry.NewMemoryRegistry()), server.Transport(transport.NewHTTPTransport()),
		server.Address("127.0.0.1:0"), server.Name("greeter"), server.Broker(broker.NewMemoryBroker()))
	if err := s.Handle(s.NewHandler(new(Greeter))); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	for what, endpoint := range map[string]string{"a reply": "Greeter.Hello", "an error": "Greeter.Fail"} {
		c, err := net.Dial("tcp", s.Options().Address)
		if err != nil {
			t.Fatal(err)
		}
		body := `{"name":"John"}`
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: greeter\r\nConnection: close\r\nContent-Type: application/json\r\n"+
			"Micro-Service: greeter\r\nMicro-Endpoint: %s\r\nMicro-Id: 1\r\nContent-Length: %d\r\n\r\n%s", endpoint, len(body), body)
		reply, err := io.ReadAll(c)
		if err != nil {
			t.Error(err)
		}
		c.Close()
		wantDocumented(t, blocks, what, string(reply))
	}
}

// closer makes a codec write to a buffer.
type closer struct{ bytes.Buffer }

func (*closer) Close() error { return nil }

func TestEncodingsAreAsDocumented(t *testing.T) {
	blocks := documented(t)
	wantDocumented(t, blocks, "an error", merrors.NotFound("greeter", "no such name").Error())

	event, err := stdjson.Marshal(events.Event{
		ID: "1", Topic: "orders", Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Metadata: map[string]string{"k": "v"}, Payload: []byte("{}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	wantDocumented(t, blocks, "an event", string(event))

	message := &codec.Message{Type: codec.Request, Id: "7", Method: "Greeter.Hello", Endpoint: "Greeter.Hello"}
	var out closer
	if err := jsonrpc.NewCodec(&out).Write(message, &WireName{"John"}); err != nil {
		t.Fatal(err)
	}
	wantDocumented(t, blocks, "a request of JSON-RPC", out.String())

	out.Reset()
	if err := protorpc.NewCodec(&out).Write(message, wrapperspb.String("A")); err != nil {
		t.Fatal(err)
	}
	all := out.Bytes()
	envelope := 4 + int(all[3])
	text := fmt.Sprintf("%x %x %x\n%x %x", all[:4], all[4:envelope-9], all[envelope-9:envelope], all[envelope:envelope+4], all[envelope+4:])
	wantDocumented(t, blocks, "a request of proto-rpc", text)
}
