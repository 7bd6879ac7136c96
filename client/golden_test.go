package client_test

import (
	"context"
	"maps"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
)

// grpcHeader is what the grpc codec makes of the headers of a request: the
// content type is there once, in the spelling of HTTP/2.
func grpcHeader(contentType string) map[string]string {
	return map[string]string{
		"Content-Type": "",
		":method":      "POST", ":path": "/greeter.Greeter/Hello", ":proto": "HTTP/2.0", ":authority": "greeter",
		"te": "trailers", "user-agent": "grpc-go/1.0.0", "content-type": contentType,
	}
}

// envelopes are the bytes that requests have had since go-micro v4, by content
// type, to nodes that name a protocol and to those that do not.
var envelopes = []struct {
	contentType string
	body        any
	modern      string
	legacyType  string
	legacy      string
	extra       map[string]string
}{
	{"application/json", &echoBody{"Ada"}, `{"name":"Ada"}` + "\n",
		"application/json-rpc", `{"method":"Greeter.Hello","params":[{"name":"Ada"}],"id":"0"}` + "\n", nil},
	{"application/json-rpc", &echoBody{"Ada"}, `{"method":"Greeter.Hello","params":[{"name":"Ada"}],"id":"0"}` + "\n",
		"application/json-rpc", `{"method":"Greeter.Hello","params":[{"name":"Ada"}],"id":"0"}` + "\n", nil},
	{"application/protobuf", wrapperspb.String("Ada"), "\n\x03Ada",
		"application/proto-rpc", protoRPC, nil},
	{"application/proto-rpc", wrapperspb.String("Ada"), protoRPC,
		"application/proto-rpc", protoRPC, nil},
	{"application/octet-stream", &bytes.Frame{Data: []byte("raw")}, "raw", "", "", nil},
	{"application/octet-stream", wrapperspb.String("Ada"), "",
		"application/octet-stream", protoRPC, nil},
	{"application/grpc", wrapperspb.String("Ada"), "\x00\x00\x00\x00\x05\n\x03Ada",
		"application/grpc", "\x00\x00\x00\x00\x05\n\x03Ada", grpcHeader("application/grpc")},
	{"application/grpc+proto", wrapperspb.String("Ada"), "\x00\x00\x00\x00\x05\n\x03Ada",
		"application/grpc+proto", "\x00\x00\x00\x00\x05\n\x03Ada", grpcHeader("application/grpc+proto")},
	{"application/grpc+json", wrapperspb.String("Ada"), "\x00\x00\x00\x00\x0f{\"value\":\"Ada\"}",
		"application/grpc+json", "\x00\x00\x00\x00\x0f{\"value\":\"Ada\"}", grpcHeader("application/grpc+json")},
}

// protoRPC is frame(Request{"Greeter.Hello", 0}), frame(StringValue "Ada").
const protoRPC = "\x00\x00\x00\x0f\n\rGreeter.Hello" + "\x00\x00\x00\x05\n\x03Ada"

func TestRequestsHaveTheEnvelopeOfTheNodesProtocol(t *testing.T) {
	for _, e := range envelopes {
		if e.modern != "" {
			t.Run(e.contentType, func(t *testing.T) {
				testEnvelope(t, e.contentType, e.body, "mucp", e.contentType, e.modern, e.extra)
			})
		}
		if e.legacy == "" {
			continue
		}
		t.Run("legacy "+e.contentType, func(t *testing.T) {
			testEnvelope(t, e.contentType, e.body, "", e.legacyType, e.legacy, e.extra)
		})
	}
}

func testEnvelope(t *testing.T, contentType string, body any, protocol, sentType, sentBody string, extra map[string]string) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	nodes := &fixedNodes{nodes: []*registry.Node{{Address: p.addr, Metadata: map[string]string{"protocol": protocol}}}}
	c := newClient(t, tr, client.Selector(nodes))

	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"authorization": "Bearer x", "Micro-Topic": "t"})
	req := c.NewRequest("greeter", "Greeter.Hello", body, client.WithContentType(contentType))
	if err := c.Call(ctx, req, &bytes.Frame{}, client.WithRequestTimeout(0)); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Authorization": "Bearer x",
		"Content-Type":  sentType, "Accept": contentType, "Micro-ID": "0",
		"Micro-Service": "greeter", "Micro-Method": "Greeter.Hello", "Micro-Endpoint": "Greeter.Hello",
	}
	maps.Copy(want, extra)
	maps.DeleteFunc(want, func(_, v string) bool { return v == "" })
	got := p.received()[0]
	if !maps.Equal(got.Header, want) {
		t.Errorf("headers are\n%v, want\n%v", got.Header, want)
	}
	if string(got.Body) != sentBody {
		t.Errorf("body is %q, want %q", got.Body, sentBody)
	}
}

// Replies as servers have sent them since go-micro v4.
func TestRepliesAreReadInTheFormsOfV4(t *testing.T) {
	for _, r := range []struct{ contentType, protocol, body string }{
		{"application/json", "mucp", `{"name":"Ada"}` + "\n"},
		{"application/json-rpc", "mucp", `{"id":"0","result":{"name":"Ada"},"error":null}` + "\n"},
		{"application/json", "", `{"id":"0","result":{"name":"Ada"},"error":null}` + "\n"},
		{"application/json-rpc", "", `{"id":"0","result":{"name":"Ada"},"error":null}` + "\n"},
	} {
		t.Run(r.contentType+" "+r.protocol, func(t *testing.T) {
			var rsp echoBody
			err := callFor(t, r.contentType, r.protocol, r.body, &echoBody{"x"}, &rsp)
			if err != nil || rsp.Name != "Ada" {
				t.Errorf("got %q, %v", rsp.Name, err)
			}
		})
	}
	protoReply := "\x00\x00\x00\x0f\n\rGreeter.Hello" + "\x00\x00\x00\x05\n\x03Ada"
	for _, r := range []struct{ contentType, protocol, body string }{
		{"application/protobuf", "mucp", "\n\x03Ada"},
		{"application/protobuf", "", protoReply},
		{"application/proto-rpc", "mucp", protoReply},
		{"application/proto-rpc", "", protoReply},
		{"application/octet-stream", "", protoReply},
		{"application/grpc", "mucp", "\x00\x00\x00\x00\x05\n\x03Ada"},
		{"application/grpc", "", "\x00\x00\x00\x00\x05\n\x03Ada"},
		{"application/grpc+proto", "mucp", "\x00\x00\x00\x00\x05\n\x03Ada"},
		{"application/grpc+json", "mucp", "\x00\x00\x00\x00\x05\"Ada\""},
	} {
		t.Run(r.contentType+" "+r.protocol, func(t *testing.T) {
			rsp := &wrapperspb.StringValue{}
			err := callFor(t, r.contentType, r.protocol, r.body, wrapperspb.String("x"), rsp)
			if err != nil || rsp.Value != "Ada" {
				t.Errorf("got %q, %v", rsp.Value, err)
			}
		})
	}
}

// callFor makes a call that is answered with body.
func callFor(t *testing.T, contentType, protocol, body string, arg, rsp any) error {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
		return s.Send(&transport.Message{Header: replyHeader(m), Body: []byte(body)})
	})
	nodes := &fixedNodes{nodes: []*registry.Node{{Address: p.addr, Metadata: map[string]string{"protocol": protocol}}}}
	c := newClient(t, tr, client.Selector(nodes))
	return c.Call(context.Background(), c.NewRequest("greeter", "Greeter.Hello", arg, client.WithContentType(contentType)), rsp)
}

// The error of a legacy reply is in its body alone.
func TestTheErrorOfALegacyReplyIsReadFromItsBody(t *testing.T) {
	var rsp echoBody
	err := callFor(t, "application/json", "", `{"id":"0","result":null,"error":"it broke"}`+"\n", &echoBody{"x"}, &rsp)
	if err == nil || err.Error() != "it broke" {
		t.Errorf("got %v", err)
	}
}

// An empty message is no bytes at all in some encodings.
func TestNoBytesAreAnEmptyMessage(t *testing.T) {
	for _, ct := range []string{"application/json", "application/protobuf", "application/grpc", "application/grpc+json"} {
		rsp := &wrapperspb.StringValue{}
		if err := callFor(t, ct, "mucp", "", wrapperspb.String("x"), rsp); err != nil || rsp.Value != "" {
			t.Errorf("%s: got %q, %v", ct, rsp.Value, err)
		}
	}
}
