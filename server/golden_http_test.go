package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// GoldenRaw is Golden for bodies that no codec understands.
type GoldenRaw struct{}

func (GoldenRaw) Good(_ context.Context, req, rsp *bytes.Frame) error {
	rsp.Data = append([]byte("re:"), req.Data...)
	return nil
}

func (GoldenRaw) Bad(context.Context, *bytes.Frame, *bytes.Frame) error {
	return errors.NotFound("golden", "no gold")
}

func (GoldenRaw) Stream(_ context.Context, s server.Stream) error {
	return s.Send(&bytes.Frame{Data: []byte("one")})
}

// wireForm is one way to write a request, and what it is answered with. The
// requests have number 5 and, unless they are legacy ones, name the service
// test and the endpoint in headers.
type wireForm struct {
	contentType string
	legacy      bool
	handler     string
	request     func(endpoint string) string
	good        string // reply of Good
	bad         string // of Bad
	message     string // of Stream
	end         string // after it
	status      [3]string
}

func jsonCall(endpoint string) string {
	return `{"method":"` + endpoint + `","params":[{"msg":"x"}],"id":"5"}`
}

func protoCall(endpoint string) string {
	return envelope(endpoint, "") + lengthPrefixed(protoBody("x"))
}

func always(body string) func(string) string { return func(string) string { return body } }

var (
	jsonRPCForm = wireForm{
		handler: "Golden",
		request: jsonCall,
		good:    `{"id":"5","result":{"msg":"re:x"},"error":null}` + "\n",
		bad:     `{"id":"5","result":null,"error":` + strconv.Quote(goldenError) + "}\n",
		message: `{"id":"5","result":{"msg":"one"},"error":null}` + "\n",
		end:     `{"id":"5","result":null,"error":"EOS"}` + "\n",
	}
	protoRPCForm = wireForm{
		handler: "Golden",
		request: protoCall,
		good:    envelope("", "") + lengthPrefixed(protoBody("re:x")),
		bad:     envelope("", goldenError) + lengthPrefixed(""),
		message: envelope("Golden.Stream", "") + lengthPrefixed(protoBody("one")),
		end:     envelope("", "EOS") + lengthPrefixed(""),
	}
	grpcForm = wireForm{
		handler: "Golden",
		request: always(grpcFrame(protoBody("x"))),
		good:    grpcFrame(protoBody("re:x")),
		message: grpcFrame(protoBody("one")),
		status:  [3]string{"Grpc-Status: 0", "Grpc-Status: 13", "Grpc-Status: 0"},
	}
)

// as is the form under a content type.
func (f wireForm) as(contentType string, legacy bool) wireForm {
	f.contentType, f.legacy = contentType, legacy
	return f
}

var wireForms = []wireForm{
	{contentType: "application/json", handler: "Golden", request: always(`{"msg":"x"}`), good: `{"msg":"re:x"}` + "\n", message: `{"msg":"one"}` + "\n"},
	{contentType: "application/protobuf", handler: "Golden", request: always(protoBody("x")), good: protoBody("re:x"), message: protoBody("one")},
	{contentType: "application/octet-stream", handler: "GoldenRaw", request: always("x"), good: "re:x", message: "one"},
	jsonRPCForm.as("application/json-rpc", false),
	protoRPCForm.as("application/proto-rpc", false),
	grpcForm.as("application/grpc", false),
	grpcForm.as("application/grpc+proto", false),
	{contentType: "application/grpc+json", handler: "Golden", request: always(grpcFrame(`{"msg":"x"}`)),
		good: grpcFrame(`{"msg":"re:x"}`), message: grpcFrame(`{"msg":"one"}`), status: grpcForm.status},
	jsonRPCForm.as("application/json", true),
	jsonRPCForm.as("application/json-rpc", true),
	protoRPCForm.as("application/protobuf", true),
	protoRPCForm.as("application/proto-rpc", true),
	protoRPCForm.as("application/octet-stream", true),
}

// The bytes of replies, errors and the ends of streams over HTTP/1.1, for each
// content type in both forms.
func TestHTTPBytesOfEachContentTypeAreThoseOfV4(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, new(Golden), new(GoldenRaw))
	start(t, s)
	for _, f := range wireForms {
		name := f.contentType
		if f.legacy {
			name = "legacy " + name
		}
		t.Run(name, func(t *testing.T) { f.test(t, s.Options().Address) })
	}
}

func (f *wireForm) test(t *testing.T, address string) {
	conn, r := dialRaw(t, address)
	id := []string{"Content-Type: " + f.contentType, "Micro-Id: 5", "X-Micro-Id: 5"}

	f.post(t, conn, f.handler+".Good", "")
	wantReply(t, r, f.good, id, f.status[0])

	f.post(t, conn, f.handler+".Bad", "")
	failed := append(slices.Clip(id), "Micro-Error: "+goldenError, "X-Micro-Error: "+goldenError)
	if f.status[1] != "" {
		failed = append(failed, "Grpc-Message: "+goldenError)
	}
	wantReply(t, r, f.bad, failed, f.status[1])

	f.post(t, conn, f.handler+".Stream", "Micro-Stream: 5\r\n")
	stream := append(slices.Clip(id), "Micro-Stream: 5")
	named := stream
	if !f.legacy {
		named = both(named, "Micro-Service", "test")
	}
	named = both(named, "Micro-Method", f.handler+".Stream")
	named = both(named, "Micro-Endpoint", f.handler+".Stream")
	wantReply(t, r, f.message, named, f.status[0])
	wantReply(t, r, f.end, both(stream, "Micro-Error", "EOS"), f.status[2])
}

func both(lines []string, name, value string) []string {
	return append(slices.Clip(lines), name+": "+value, "X-"+name+": "+value)
}

// post writes a request.
func (f *wireForm) post(t *testing.T, w io.Writer, endpoint, more string) {
	t.Helper()
	head := "POST / HTTP/1.1\r\nHost: test\r\nContent-Type: " + f.contentType + "\r\nMicro-Id: 5\r\nFoo: bar\r\n" + more
	if !f.legacy {
		head += "Micro-Service: test\r\nMicro-Method: " + endpoint + "\r\nMicro-Endpoint: " + endpoint + "\r\n"
	}
	body := f.request(endpoint)
	if _, err := fmt.Fprintf(w, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body); err != nil {
		t.Fatal(err)
	}
}

// wantReply reads a response and compares all of its lines, in any order, and
// its body.
func wantReply(t *testing.T, r *bufio.Reader, body string, lines []string, more string) {
	t.Helper()
	want := append(slices.Clone(lines), fmt.Sprintf("Content-Length: %d", len(body)))
	if more != "" {
		want = append(want, more)
	}
	slices.Sort(want)
	head, length := readHead(t, r)
	if first := head[0]; first != "HTTP/1.1 200 OK" {
		t.Errorf("the status line is %q", first)
	}
	got := head[1:]
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("head\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	b := make([]byte, length)
	if _, err := io.ReadFull(r, b); err != nil {
		t.Fatal(err)
	}
	if string(b) != body {
		t.Errorf("body %q, want %q", b, body)
	}
}

func readHead(t *testing.T, r *bufio.Reader) (lines []string, length int) {
	t.Helper()
	text := textproto.NewReader(r)
	for {
		line, err := text.ReadLine()
		if err != nil {
			t.Fatal(err)
		}
		if line == "" {
			return lines, length
		}
		if n, ok := strings.CutPrefix(line, "Content-Length: "); ok {
			if length, err = strconv.Atoi(n); err != nil {
				t.Fatal(err)
			}
		}
		lines = append(lines, line)
	}
}
