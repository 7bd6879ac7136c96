package client_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
)

// The bytes of requests, of the messages that open streams and of the end of
// streams over HTTP/1.1, for each content type, to nodes that name a protocol
// and to those that do not.
func TestHTTPBytesOfEachContentTypeAreThoseOfV4(t *testing.T) {
	for _, e := range envelopes {
		if e.modern != "" {
			t.Run(e.contentType, func(t *testing.T) {
				testWireForm(t, "mucp", wireForm{e.contentType, e.contentType, e.modern, len(e.extra) > 0}, e.body)
			})
		}
		if e.legacy != "" {
			t.Run("legacy "+e.contentType, func(t *testing.T) {
				testWireForm(t, "", wireForm{e.legacyType, e.contentType, e.legacy, len(e.extra) > 0}, e.body)
			})
		}
	}
}

// wireForm is what a request looks like.
type wireForm struct {
	contentType, accept string
	body                string
	grpc                bool
}

// head is the head of a message with a body of some length.
func (f wireForm) head(addr string, length int, more ...string) []string {
	head := append([]string{
		"Accept: " + f.accept,
		fmt.Sprintf("Content-Length: %d", length),
		"Content-Type: " + f.contentType,
		"Host: " + addr,
		"Micro-Endpoint: Greeter.Hello",
		"Micro-Method: Greeter.Hello",
		"Micro-Service: greeter",
	}, more...)
	if f.grpc {
		head = append(head, "Te: trailers", "User-Agent: grpc-go/1.0.0")
	}
	slices.Sort(head)
	return append([]string{"POST / HTTP/1.1"}, head...)
}

func testWireForm(t *testing.T, protocol string, f wireForm, body any) {
	s := newV4Server(t, func(*v4Request) *v4Reply { return &v4Reply{} })
	s.stream = func(v *v4Stream) error {
		_, err := v.recv()
		return err
	}
	nodes := &fixedNodes{nodes: []*registry.Node{{Address: s.addr, Metadata: map[string]string{"protocol": protocol}}}}
	c := newClient(t, transport.NewHTTPTransport(), client.Selector(nodes))
	req := c.NewRequest("greeter", "Greeter.Hello", body, client.WithContentType(f.accept))

	// What is made of the empty reply is not of interest.
	_ = c.Call(context.Background(), req, &bytes.Frame{}, client.WithRequestTimeout(0))
	checkBytes(t, s.received()[0].raw, f.body, f.head(s.addr, len(f.body), "Micro-Id: 0")...)

	stream, err := c.Stream(context.Background(), req)
	if err != nil {
		t.Fatal(err)
	}
	stream.Close()
	testkit.Eventually(t, "the stream's messages arrive", func() bool { return len(s.received()) == 3 })
	opening := strings.ReplaceAll(f.body, `"id":"0"`, `"id":"1"`)
	if strings.HasPrefix(f.body, protoRPC) { // the number of the stream is 1
		opening = "\x00\x00\x00\x18\n\rGreeter.Hello\x11\x01\x00\x00\x00\x00\x00\x00\x00" + "\x00\x00\x00\x05\n\x03Ada"
	}
	checkBytes(t, s.received()[1].raw, opening, f.head(s.addr, len(opening), "Micro-Id: 1", "Micro-Stream: 1")...)
	checkBytes(t, s.received()[2].raw, "", f.head(s.addr, 0, "Micro-Error: EOS", "Micro-Id: 1", "Micro-Stream: 1")...)
}
