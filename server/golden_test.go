package server_test

import (
	"bufio"
	"bytes"
	"context"
	stderrors "errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Golden answers with protobuf values, which all codecs know.
type Golden struct{}

type busMsg = debug.BusMsg

func (Golden) Good(_ context.Context, req, rsp *busMsg) error {
	rsp.Msg = "re:" + req.Msg
	return nil
}

func (Golden) Bad(context.Context, *busMsg, *busMsg) error {
	return errors.NotFound("golden", "no %s", "gold")
}

func (Golden) Empty(context.Context, *busMsg, *busMsg) error { return nil }

func (Golden) Broken(_ context.Context, s server.Stream) error {
	if err := s.Send(&busMsg{Msg: "one"}); err != nil {
		return err
	}
	return stderrors.New("broken\nin two")
}

func (Golden) Stream(_ context.Context, s server.Stream) error {
	return s.Send(&busMsg{Msg: "one"})
}

func protoBody(value string) string {
	b, err := proto.Marshal(&busMsg{Msg: value})
	if err != nil {
		panic(err)
	}
	return string(b)
}

const goldenError = `{"id":"golden","code":404,"detail":"no gold","status":"Not Found"}`

// lengthPrefixed is a frame of the proto-rpc codec.
func lengthPrefixed(b string) string {
	n := len(b)
	return string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + b
}

// envelope is a Request or Response of the proto-rpc codec: method, and number 5.
func envelope(method, err string) string {
	var b []byte
	if method != "" {
		b = append(append(b, 0x0a, byte(len(method))), method...)
	}
	b = append(b, 0x11, 5, 0, 0, 0, 0, 0, 0, 0)
	if err != "" {
		b = append(append(b, 0x1a, byte(len(err))), err...)
	}
	return lengthPrefixed(string(b))
}

// goldenForms are the ways in which a request can be written.
var goldenForms = []struct {
	name        string
	contentType string
	legacy      bool
	request     func(endpoint string) string
	good        string
	bad         string
}{
	{"json", "application/json", false,
		func(string) string { return `{"msg":"x"}` }, `{"msg":"re:x"}`, ""},
	{"protobuf", "application/protobuf", false,
		func(string) string { return protoBody("x") }, protoBody("re:x"), ""},
	{"json-rpc", "application/json-rpc", true,
		func(e string) string { return `{"method":"` + e + `","params":[{"msg":"x"}],"id":"5"}` },
		`{"id":"5","result":{"msg":"re:x"},"error":null}`,
		`{"id":"5","result":null,"error":` + fmt.Sprintf("%q", goldenError) + `}`},
	{"legacy json", "application/json", true,
		func(e string) string { return `{"method":"` + e + `","params":[{"msg":"x"}],"id":"5"}` },
		`{"id":"5","result":{"msg":"re:x"},"error":null}`,
		`{"id":"5","result":null,"error":` + fmt.Sprintf("%q", goldenError) + `}`},
	{"proto-rpc", "application/proto-rpc", true,
		func(e string) string { return envelope(e, "") + lengthPrefixed(protoBody("x")) },
		envelope("", "") + lengthPrefixed(protoBody("re:x")),
		envelope("", goldenError) + lengthPrefixed("")},
}

func goldenRequest(contentType, endpoint string, legacy bool) header {
	if legacy {
		return header{"Content-Type": contentType, "Micro-ID": "5", "Foo": "bar"}
	}
	return jsonHeader(endpoint, "5", "Content-Type", contentType, "Foo", "bar", "Authorization", "secret")
}

func wantMessage(t *testing.T, m transport.Message, want header, body string) {
	t.Helper()
	if !maps.Equal(m.Header, want) {
		t.Errorf("headers\n%v, want\n%v", lines(m.Header), lines(want))
	}
	if got := strings.TrimSuffix(string(m.Body), "\n"); got != body {
		t.Errorf("body %q, want %q", got, body)
	}
}

func lines(h map[string]string) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(h)) {
		fmt.Fprintf(&b, "%s: %s\n", k, h[k])
	}
	return b.String()
}

// Otherwise they would echo credentials.
func TestRepliesCarryNoOtherRequestHeaders(t *testing.T) {
	for _, form := range goldenForms {
		t.Run(form.name, func(t *testing.T) {
			p := serve(t, new(Golden))
			p.send(goldenRequest(form.contentType, "Golden.Good", form.legacy), form.request("Golden.Good"))
			wantMessage(t, p.recv(), header{
				"Content-Type": form.contentType, "Micro-ID": "5", "X-Micro-ID": "5",
			}, form.good)
			p.send(goldenRequest(form.contentType, "Golden.Bad", form.legacy), form.request("Golden.Bad"))
			wantMessage(t, p.recv(), header{
				"Content-Type": form.contentType, "Micro-ID": "5", "X-Micro-ID": "5",
				"Micro-Error": goldenError, "X-Micro-Error": goldenError,
			}, form.bad)
		})
	}
}

func TestMessagesOfAStreamHaveTheHeadersOfV4(t *testing.T) {
	for _, form := range goldenForms[:2] {
		t.Run(form.name, func(t *testing.T) {
			p := serve(t, new(Golden))
			h := goldenRequest(form.contentType, "Golden.Stream", false)
			h["Micro-Stream"] = "5"
			p.send(h, "")
			body := `{"msg":"one"}`
			if form.name == "protobuf" {
				body = protoBody("one")
			}
			wantMessage(t, p.recv(), header{
				"Content-Type": form.contentType, "Micro-Stream": "5",
				"Micro-ID": "5", "X-Micro-ID": "5",
				"Micro-Service": "test", "X-Micro-Service": "test",
				"Micro-Method": "Golden.Stream", "X-Micro-Method": "Golden.Stream",
				"Micro-Endpoint": "Golden.Stream", "X-Micro-Endpoint": "Golden.Stream",
			}, body)
			wantMessage(t, p.recv(), header{
				"Content-Type": form.contentType, "Micro-Stream": "5",
				"Micro-ID": "5", "X-Micro-ID": "5",
				"Micro-Error": "EOS", "X-Micro-Error": "EOS",
			}, "")
		})
	}
}

// post writes a request to a raw connection and reads the answer.
func post(t *testing.T, c net.Conn, r *bufio.Reader, head, body string) (*http.Response, string) {
	t.Helper()
	request := fmt.Sprintf("POST / HTTP/1.1\r\nHost: test\r\n%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	rsp, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rsp, string(b)
}

func dialRaw(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

func TestRepliesOverHTTPHaveTheBytesOfV4(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, new(Golden))
	start(t, s)
	c, r := dialRaw(t, s.Options().Address)

	const modern = "Content-Type: application/json\r\nMicro-Service: test\r\nMicro-Endpoint: %s\r\nMicro-Id: %s\r\n"
	rsp, body := post(t, c, r, fmt.Sprintf(modern, "Golden.Good", "1"), `{"msg":"x"}`)
	wantRaw(t, rsp, body, "{\"msg\":\"re:x\"}\n", header{"Content-Type": "application/json", "Micro-Id": "1", "Micro-Error": ""})

	rsp, body = post(t, c, r, fmt.Sprintf(modern, "Golden.Bad", "2"), `{"msg":"x"}`)
	wantRaw(t, rsp, body, "", header{"Content-Type": "application/json", "Micro-Id": "2", "Micro-Error": goldenError})

	rsp, body = post(t, c, r, "Content-Type: application/json\r\n", `{"method":"Golden.Good","params":[{"msg":"x"}],"id":"9"}`)
	wantRaw(t, rsp, body, "{\"id\":\"9\",\"result\":{\"msg\":\"re:x\"},\"error\":null}\n", header{"Content-Type": "application/json", "Micro-Id": "9", "Micro-Error": ""})

	rsp, body = post(t, c, r, "Content-Type: text/odd\r\nMicro-Id: 3\r\n", "x")
	wantRaw(t, rsp, body, "unsupported Content-Type: text/odd", header{"Content-Type": "text/plain", "Micro-Id": "3", "Micro-Error": "unsupported Content-Type: text/odd"})
}

func wantRaw(t *testing.T, rsp *http.Response, body, wantBody string, want header) {
	t.Helper()
	if rsp.Status != "200 OK" || body != wantBody {
		t.Errorf("%s %q, want 200 OK %q", rsp.Status, body, wantBody)
	}
	for name, v := range want {
		if got := rsp.Header.Get(name); got != v {
			t.Errorf("%s: %q, want %q", name, got, v)
		}
		if got := rsp.Header.Get("X-" + name); strings.HasPrefix(name, "Micro-") && got != v {
			t.Errorf("X-%s: %q, want %q", name, got, v)
		}
	}
	for name := range rsp.Header {
		if _, ok := want[strings.TrimPrefix(name, "X-")]; !ok && name != "Content-Length" && name != "Date" {
			t.Errorf("unexpected header %s: %v", name, rsp.Header[name])
		}
	}
}

func TestFrameGetsTheBodyUndecoded(t *testing.T) {
	p := serve(t, new(Raw))
	m := p.call(jsonHeader("Raw.Turn", "1"), "{not json")
	if !bytes.Equal(m.Body, []byte("nosj ton{")) {
		t.Errorf("got %q", m.Body)
	}
}
