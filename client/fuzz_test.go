package client_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/transport"
)

// canned is a transport whose connections answer everything with one message.
type canned struct {
	transport.Transport
	reply transport.Message
}

func (c canned) Dial(string, ...transport.DialOption) (transport.Client, error) {
	return &cannedConn{reply: c.reply}, nil
}

type cannedConn struct {
	instantConn
	reply transport.Message
}

func (c *cannedConn) Recv(m *transport.Message) error {
	m.Header = map[string]string{}
	for k, v := range c.reply.Header {
		m.Header[k] = v
	}
	m.Body = append([]byte(nil), c.reply.Body...)
	return nil
}

// FuzzReply gives replies of all kinds to calls and streams in all content
// types. Whatever a peer sends, the client must not panic.
func FuzzReply(f *testing.F) {
	f.Add(uint8(0), "Micro-Error", `{"code":500}`, []byte(nil))
	f.Add(uint8(1), "micro-error", "EOS", []byte(nil))
	f.Add(uint8(2), "Content-Type", "application/json-rpc", []byte(`{"id":"0","result":null,"error":null}`))
	f.Add(uint8(3), "", "", []byte("\x00\x00\x00\x0f\n\rGreeter.Hello\x00\x00\x00\x05\n\x03Ada"))
	f.Add(uint8(4), ":path", "/a/b", []byte("\x00\x00\x00\x00\x05\n\x03Ada"))
	types := []string{"application/json", "application/protobuf", "application/json-rpc", "application/proto-rpc", "application/grpc", "application/grpc+json"}
	f.Fuzz(func(t *testing.T, kind uint8, name, value string, body []byte) {
		tr := canned{reply: transport.Message{Header: map[string]string{name: value}, Body: body}}
		c := newClient(t, tr)
		req := c.NewRequest("greeter", "Greeter.Hello", wrapperspb.String("x"), client.WithContentType(types[int(kind)%len(types)]))
		noPanic(t, value, c.Call(context.Background(), req, &wrapperspb.StringValue{}, client.WithAddress("a:1")))
		stream, err := c.Stream(context.Background(), req, client.WithAddress("a:1"))
		if err != nil {
			t.Fatal(err)
		}
		noPanic(t, value, stream.Recv(&wrapperspb.StringValue{}))
		_ = stream.Close()
	})
}

// noPanic fails for an error that was made of a panic. A peer may send one, too.
func noPanic(t *testing.T, sent string, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), "panic recovered") && !strings.Contains(sent, "panic") {
		t.Error(err)
	}
}
