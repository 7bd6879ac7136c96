package wire_test

import (
	"io"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/internal/wire"
)

func TestEveryContentTypeHasItsCodec(t *testing.T) {
	want := map[string]string{
		"application/grpc": "grpc", "application/grpc+json": "grpc", "application/grpc+proto": "grpc",
		"application/json": "json", "application/json-rpc": "json-rpc", "application/protobuf": "proto",
		"application/proto-rpc": "proto-rpc", "application/octet-stream": "bytes",
	}
	checkFormats(t, wire.NewFormats(wire.Codecs()), want)
	if len(wire.Codecs()) != len(want) {
		t.Errorf("the table is %v", wire.Codecs())
	}
	checkFormats(t, wire.Legacy, map[string]string{
		"application/json": "json-rpc", "application/json-rpc": "json-rpc", "application/protobuf": "proto-rpc",
		"application/proto-rpc": "proto-rpc", "application/octet-stream": "proto-rpc",
	})
	if _, err := wire.Legacy.Lookup("application/grpc"); err == nil {
		t.Error("grpc has a legacy form")
	}
}

func checkFormats(t *testing.T, formats *wire.Formats, want map[string]string) {
	t.Helper()
	for contentType, name := range want {
		f, err := formats.Lookup(contentType)
		if err != nil {
			t.Error(err)
			continue
		}
		c := f.Coder()
		if got := c.Codec().String(); got != name || c.ContentType() != contentType {
			t.Errorf("%s is encoded by %s for %s, want %s", contentType, got, c.ContentType(), name)
		}
		c.Release()
	}
}

func TestFormatsAreFoundInAnySpelling(t *testing.T) {
	first := map[string]codec.NewCodec{"a/b": json.NewCodec, "c/d": json.NewCodec}
	formats := wire.NewFormats(first, map[string]codec.NewCodec{"c/d": bytes.NewCodec})
	delete(first, "a/b")
	for contentType, want := range map[string]string{"a/b": "json", "A/B": "json", "a/b; charset=utf-8": "json", " a/b ;x": "json", "c/d": "bytes"} {
		f, err := formats.Lookup(contentType)
		if err != nil || f.Coder().Codec().String() != want {
			t.Errorf("%q: %v", contentType, err)
		}
	}
	if _, err := formats.Lookup("x/y"); err == nil || err.Error() != "unsupported Content-Type: x/y" {
		t.Errorf("got %v", err)
	}
}

func TestContentTypesHaveTheirLegacyForm(t *testing.T) {
	for ct, want := range map[string]string{
		"application/json": "application/json-rpc", "application/protobuf": "application/proto-rpc",
		"application/grpc": "application/grpc", "": "",
	} {
		if got := wire.LegacyContentType(ct); got != want {
			t.Errorf("%s becomes %s", ct, got)
		}
	}
}

func coderFor(t testing.TB, contentType string) *wire.Coder {
	t.Helper()
	f, err := wire.NewFormats(wire.Codecs()).Lookup(contentType)
	if err != nil {
		t.Fatal(err)
	}
	return f.Coder()
}

func TestACoderReadsWhatItWrote(t *testing.T) {
	for contentType := range wire.Codecs() {
		if contentType == "application/octet-stream" {
			continue
		}
		t.Run(contentType, func(t *testing.T) {
			c := coderFor(t, contentType)
			for _, text := range []string{"Ada", "", strings.Repeat("x", 300<<10), "Bob"} {
				m := &codec.Message{Id: "1", Type: codec.Request, Target: "s", Method: "T.M", Endpoint: "T.M", Header: map[string]string{}}
				body, err := c.Encode(m, wrapperspb.String(text))
				if err != nil {
					t.Fatal(err)
				}
				c.Load([]byte(string(body)))
				in := &codec.Message{Header: m.Header}
				if err := c.ReadHeader(in, codec.Request); err != nil {
					t.Fatal(err)
				}
				got := &wrapperspb.StringValue{}
				if err := c.ReadBody(got); err != nil || got.Value != text {
					t.Errorf("%d bytes come back as %d, %v", len(text), len(got.Value), err)
				}
			}
			c.Release()
		})
	}
}

func TestAFrameIsCodedAsItIs(t *testing.T) {
	c := coderFor(t, "application/json")
	if body, err := c.Encode(nil, &bytes.Frame{Data: []byte("raw")}); err != nil || string(body) != "raw" {
		t.Errorf("a frame is encoded as %q, %v", body, err)
	}
	if body, err := c.Encode(nil, (*bytes.Frame)(nil)); err != nil || body != nil {
		t.Errorf("no frame is encoded as %q, %v", body, err)
	}
	c.Load([]byte("raw"))
	var f bytes.Frame
	if err := c.ReadBody(&f); err != nil || string(f.Data) != "raw" {
		t.Errorf("a frame is decoded as %q, %v", f.Data, err)
	}
	if f = (bytes.Frame{}); c.ReadBody(&f) != nil || len(f.Data) != 0 {
		t.Errorf("the body was read twice: %q", f.Data)
	}
}

// A coder that comes back from the pool has nothing of its former use.
func TestCoderIsReusedClean(t *testing.T) {
	f := wire.NewFormat("application/json", json.NewCodec)
	var users sync.WaitGroup
	for range 4 {
		users.Go(func() {
			for range 200 {
				c := f.Coder()
				c.Load([]byte(`"left" "over"`))
				var s string
				if err := c.ReadBody(&s); err != nil || s != "left" {
					t.Errorf("got %q, %v", s, err)
				}
				if body, err := c.Encode(&codec.Message{Type: codec.Request}, "x"); err != nil || string(body) != "\"x\"\n" {
					t.Errorf("encoded %q, %v", body, err)
				}
				c.Release()
			}
		})
	}
	users.Wait()
}

// closing is a codec that cannot be pooled.
type closing struct {
	codec.Codec
	closed *int
}

func (c closing) Close() error { *c.closed++; return nil }

func TestCoderOfForeignCodecIsClosed(t *testing.T) {
	closed := 0
	f := wire.NewFormat("a/b", func(rwc io.ReadWriteCloser) codec.Codec {
		inner := json.NewCodec(rwc)
		return closing{struct{ codec.Codec }{inner}, &closed}
	})
	f.Coder().Release()
	if f.Coder(); closed != 1 {
		t.Errorf("closed %d times, want 1", closed)
	}
}
