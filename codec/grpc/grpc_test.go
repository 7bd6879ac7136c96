package grpc_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/grpc"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
	"github.com/justcy/go-micro/v4/util/buf"
)

type greeting struct {
	Name string `json:"name"`
}

func TestMessagesHaveTheBytesAndHeadersOfGRPC(t *testing.T) {
	value := &testpb.Everything{FullName: "ab"}
	frame := "\x00\x00\x00\x00\x04\x0a\x02ab"
	tests := []struct {
		name   string
		m      codec.Message
		v      any
		body   string
		header map[string]string
	}{
		{"request", codec.Message{Type: codec.Request, Target: "pkg", Endpoint: "Say.Hello"}, value, frame, map[string]string{
			":method": "POST", ":path": "/pkg.Say/Hello", ":proto": "HTTP/2.0", "te": "trailers",
			"user-agent": "grpc-go/1.0.0", ":authority": "pkg", "content-type": "application/grpc",
		}},
		{"response", codec.Message{Type: codec.Response}, value, frame, map[string]string{
			"Trailer": "grpc-status", "content-type": "application/grpc", ":status": "200", "grpc-status": "0",
		}},
		{"empty response", codec.Message{Type: codec.Response}, &testpb.Everything{}, "", map[string]string{
			"Trailer": "grpc-status", "content-type": "application/grpc", ":status": "200", "grpc-status": "0",
		}},
		{"json", codec.Message{Type: codec.Response, Header: map[string]string{"Content-Type": "application/grpc+json"}}, &greeting{"a"},
			"\x00\x00\x00\x00\x0c" + `{"name":"a"}`, map[string]string{
				"Trailer": "grpc-status", "content-type": "application/grpc+json", ":status": "200", "grpc-status": "0",
			}},
		{"error", codec.Message{Type: codec.Error, Error: "no"}, value, "", map[string]string{
			"Trailer": "grpc-status, grpc-message", "grpc-status": "13", "grpc-message": "no",
		}},
		{"end of stream", codec.Message{Type: codec.Error, Error: "EOS"}, nil, "", map[string]string{
			"Trailer": "grpc-status, grpc-message", "grpc-status": "0",
		}},
	}
	for _, tt := range tests {
		out := new(bytes.Buffer)
		if err := grpc.NewCodec(buf.New(out)).Write(&tt.m, tt.v); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if out.String() != tt.body || !maps.Equal(tt.m.Header, tt.header) {
			t.Errorf("%s: wrote %q with %v, want %q with %v", tt.name, out, tt.m.Header, tt.body, tt.header)
		}
	}
}

func TestServiceAndEndpointAreReadFromPathOrHeaders(t *testing.T) {
	tests := []struct {
		name             string
		header           map[string]string
		target, endpoint string
		err              string
	}{
		{"path", map[string]string{":path": "/a.pkg.Say/Hello"}, "a.pkg", "Say.Hello", ""},
		{"path without package", map[string]string{":path": "/Say/Hello"}, "", "Say.Hello", ""},
		{"micro headers", map[string]string{"Micro-Service": "s", "micro-endpoint": "Say.Hello"}, "s", "Say.Hello", ""},
		{"short path", map[string]string{":path": "/Say"}, "", "", "Unknown request path"},
		{"long path", map[string]string{":path": "/a/b/c"}, "", "", "Unknown request path"},
	}
	for _, tt := range tests {
		m := &codec.Message{Header: tt.header}
		err := grpc.NewCodec(buf.New(nil)).ReadHeader(m, codec.Request)
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("%s: got %v, want %s", tt.name, err, tt.err)
			}
			continue
		}
		if err != nil || m.Target != tt.target || m.Endpoint != tt.endpoint {
			t.Errorf("%s: got %q %q, %v", tt.name, m.Target, m.Endpoint, err)
		}
	}
}

func TestAnUnsupportedContentTypeIsRefused(t *testing.T) {
	tests := []struct {
		contentType string
		v           any
		ok          bool
	}{
		{"application/grpc", new(testpb.Everything), true},
		{"application/grpc+proto", new(testpb.Everything), true},
		{"application/grpc+proto; charset=utf-8", new(testpb.Everything), true},
		{"application/grpc+json", new(greeting), true},
		{"application/grpc+xml", new(greeting), false},
	}
	for _, tt := range tests {
		for _, header := range []string{"Content-Type", "content-type"} {
			m := &codec.Message{Type: codec.Event, Header: map[string]string{header: tt.contentType}}
			err := grpc.NewCodec(buf.New(nil)).Write(m, tt.v)
			if (err == nil) != tt.ok {
				t.Errorf("%s: %v", tt.contentType, err)
			}
			if err != nil && (err.Error() != "Unsupported Content-Type" || m.Header["grpc-status"] != "8" || m.Header["grpc-message"] != err.Error()) {
				t.Errorf("%s: %v with %v", tt.contentType, err, m.Header)
			}
		}
	}
}

func TestShortReadsLoseNothing(t *testing.T) {
	name := strings.Repeat("x", 300_000)
	out := new(bytes.Buffer)
	if err := grpc.NewCodec(buf.New(out)).Write(&codec.Message{Type: codec.Event}, &testpb.Everything{FullName: name}); err != nil {
		t.Fatal(err)
	}
	var got testpb.Everything
	if err := grpc.NewCodec(readOnly{iotest.HalfReader(out)}).ReadBody(&got); err != nil || got.FullName != name {
		t.Errorf("got %d bytes, %v", len(got.FullName), err)
	}
}

type readOnly struct{ io.Reader }

func (readOnly) Write(p []byte) (int, error) { return len(p), nil }
func (readOnly) Close() error                { return nil }

func TestEndpointWithoutDotIsAnError(t *testing.T) {
	m := &codec.Message{Type: codec.Request, Target: "pkg", Endpoint: "Hello"}
	if err := grpc.NewCodec(buf.New(nil)).Write(m, &testpb.Everything{}); err == nil {
		t.Error("no error")
	}
}

func TestNonProtobufValueIsAnError(t *testing.T) {
	c := grpc.NewCodec(buf.New(bytes.NewBufferString("\x00\x00\x00\x00\x04\x0a\x02ab")))
	if err := c.ReadBody(new(greeting)); !errors.Is(err, codec.ErrInvalidMessage) {
		t.Errorf("ReadBody returned %v", err)
	}
	if err := c.Write(&codec.Message{Type: codec.Response}, new(greeting)); !errors.Is(err, codec.ErrInvalidMessage) {
		t.Errorf("Write returned %v", err)
	}
}

func TestCompressedFlagIsRejected(t *testing.T) {
	c := grpc.NewCodec(buf.New(bytes.NewBufferString("\x01\x00\x00\x00\x04\x0a\x02ab")))
	if err := c.ReadBody(new(testpb.Everything)); err == nil || !strings.Contains(err.Error(), "compressed") {
		t.Errorf("got %v", err)
	}
}

func TestFramesAbove4MiBAreRefused(t *testing.T) {
	head := binary.BigEndian.AppendUint32([]byte{0}, uint32(grpc.MaxMessageSize+1))
	for _, stream := range []io.ReadWriteCloser{buf.New(bytes.NewBuffer(head)), readOnly{bytes.NewReader(head)}} {
		err := grpc.NewCodec(stream).ReadBody(new(testpb.Everything))
		if err == nil || !strings.Contains(err.Error(), "limit") {
			t.Errorf("%T: got %v", stream, err)
		}
	}
	if grpc.MaxMessageSize != 4<<20 {
		t.Errorf("the limit is %d", grpc.MaxMessageSize)
	}
}

func TestABodyWithoutContentOpensAStream(t *testing.T) {
	for body, want := range map[string]bool{
		"": true, "\x00\x00\x00\x00\x00": true, "\x00\x00\x00\x00\x02{}": true,
		"\x00\x00\x00\x00\x02ab": false, "\x00\x00\x00\x00\x00\x00": false, "\x00\x00\x00\x00": false,
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00": false, "{}": false, "\x00\xff\xff\xff\xff": false,
	} {
		if got := grpc.Opens([]byte(body)); got != want {
			t.Errorf("%q: %v", body, got)
		}
	}
}

func TestOnlyAFrameThatIsCutEndsUnexpectedly(t *testing.T) {
	if err := grpc.NewCodec(buf.New(nil)).ReadBody(new(testpb.Everything)); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
	if err := grpc.NewCodec(buf.New(bytes.NewBufferString("\x00\x00\x00\x00\x04"))).ReadBody(new(testpb.Everything)); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v, want io.ErrUnexpectedEOF", err)
	}
}

func FuzzReadBody(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x04\x0a\x02ab"), "application/grpc")
	f.Add([]byte("\x00\x00\x00\x00\x0c"+`{"name":"a"}`), "application/grpc+json")
	f.Add([]byte("\x01\xff\xff\xff\xff"), "application/grpc;")
	f.Fuzz(func(t *testing.T, data []byte, contentType string) {
		memory := grpc.NewCodec(buf.New(bytes.NewBuffer(bytes.Clone(data))))
		stream := grpc.NewCodec(readOnly{bytes.NewReader(data)})
		for _, c := range []codec.Codec{memory, stream} {
			if err := c.ReadHeader(&codec.Message{Header: map[string]string{"Content-Type": contentType, ":path": contentType}}, codec.Request); err != nil {
				return
			}
		}
		a, b := memory.ReadBody(new(testpb.Everything)), stream.ReadBody(new(testpb.Everything))
		if (a == nil) != (b == nil) {
			t.Fatalf("in memory: %v, from a stream: %v", a, b)
		}
	})
}
