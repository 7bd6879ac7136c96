package protorpc_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
	"github.com/justcy/go-micro/v4/codec/protorpc"
	"github.com/justcy/go-micro/v4/util/buf"
)

func TestMessagesHaveTheBytesOfV4(t *testing.T) {
	value := &testpb.Everything{FullName: "ab"}
	const seven = "\x11\x07\x00\x00\x00\x00\x00\x00\x00"
	tests := []struct {
		name string
		m    codec.Message
		v    any
		want string
	}{
		{"request", codec.Message{Type: codec.Request, Method: "M", Id: "7"}, value, "\x00\x00\x00\x0c\x0a\x01M" + seven + "\x00\x00\x00\x04\x0a\x02ab"},
		{"id that is no number", codec.Message{Type: codec.Request, Method: "M", Id: "x"}, value, "\x00\x00\x00\x03\x0a\x01M\x00\x00\x00\x04\x0a\x02ab"},
		{"response", codec.Message{Type: codec.Response, Id: "7"}, value, "\x00\x00\x00\x09" + seven + "\x00\x00\x00\x04\x0a\x02ab"},
		{"response without body", codec.Message{Type: codec.Response, Id: "7"}, nil, "\x00\x00\x00\x09" + seven + "\x00\x00\x00\x00"},
		{"error", codec.Message{Type: codec.Error, Id: "7", Error: "no"}, struct{}{}, "\x00\x00\x00\x0d" + seven + "\x1a\x02no\x00\x00\x00\x00"},
		{"event", codec.Message{Type: codec.Event}, value, "\x0a\x02ab"},
	}
	for _, tt := range tests {
		out := new(bytes.Buffer)
		if err := protorpc.NewCodec(buf.New(out)).Write(&tt.m, tt.v); err != nil || out.String() != tt.want {
			t.Errorf("%s: wrote %q, %v, want %q", tt.name, out, err, tt.want)
		}
	}
}

func TestAnErrorWithoutATextIsRead(t *testing.T) {
	wire := buf.New(nil)
	c := protorpc.NewCodec(wire)
	if err := c.Write(&codec.Message{Type: codec.Error, Id: "7"}, nil); err != nil {
		t.Fatal(err)
	}
	m := new(codec.Message)
	if err := c.ReadHeader(m, codec.Response); err != nil || m.Error != "unspecified error" {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestAnUnknownMessageTypeIsAnError(t *testing.T) {
	c := protorpc.NewCodec(buf.New(nil))
	for _, err := range []error{c.Write(&codec.Message{Type: 9}, nil), c.ReadHeader(&codec.Message{}, 9), c.ReadBody(nil)} {
		if err == nil || err.Error() != "Unrecognized message type: 9" {
			t.Errorf("got %v", err)
		}
	}
}

func TestNonProtobufValueIsInvalidMessage(t *testing.T) {
	for _, kind := range []codec.MessageType{codec.Request, codec.Response, codec.Event} {
		out := new(bytes.Buffer)
		err := protorpc.NewCodec(buf.New(out)).Write(&codec.Message{Type: kind}, "text")
		if !errors.Is(err, codec.ErrInvalidMessage) || out.Len() > 0 {
			t.Errorf("type %d: wrote %q, %v", kind, out, err)
		}
	}
	c := protorpc.NewCodec(buf.New(bytes.NewBufferString("\x0a\x02ab")))
	if err := c.ReadHeader(&codec.Message{}, codec.Event); err != nil {
		t.Fatal(err)
	}
	if err := c.ReadBody(new(string)); !errors.Is(err, codec.ErrInvalidMessage) {
		t.Errorf("ReadBody returned %v", err)
	}
}

func TestNetStringsAreReadAsTheyWereWritten(t *testing.T) {
	var b bytes.Buffer
	for _, s := range []string{"abc", "", strings.Repeat("x", 200_000)} {
		if n, err := protorpc.WriteNetString(&b, []byte(s)); n != len(s) || err != nil {
			t.Fatalf("WriteNetString returned %d, %v", n, err)
		}
	}
	for _, want := range []string{"abc", "", strings.Repeat("x", 200_000)} {
		if got, err := protorpc.ReadNetString(&b); string(got) != want || err != nil {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	if _, err := protorpc.ReadNetString(&b); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
}

func TestShortReadsLoseNothing(t *testing.T) {
	r := iotest.OneByteReader(strings.NewReader("\x00\x00\x00\x03abc"))
	if got, err := protorpc.ReadNetString(r); string(got) != "abc" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := protorpc.ReadNetString(strings.NewReader("\x00\x00\x00\x03ab")); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v, want io.ErrUnexpectedEOF", err)
	}
	if _, err := protorpc.ReadNetString(strings.NewReader("\x00\x00\x00\x03")); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v, want io.ErrUnexpectedEOF", err)
	}
}

func TestFrameSizeIsBounded(t *testing.T) {
	if _, err := protorpc.ReadNetString(strings.NewReader("\xff\xff\xff\xffabc")); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("got %v", err)
	}
	bytes := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = protorpc.ReadNetString(strings.NewReader("\x03\xff\xff\xffabc"))
		}
	}).AllocedBytesPerOp()
	if bytes > 1<<20 {
		t.Errorf("a claim of 64 MiB costs %d bytes", bytes)
	}
}

// The envelope has the older form of generated code, and is a message for both
// generations of the Go API.
func TestEnvelopeIsAMessageOfBothGenerations(t *testing.T) {
	r := &protorpc.Response{ServiceMethod: "M", Seq: 7, Error: "e"}
	var _ protoadapt.MessageV1 = r
	data, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	old, err := r.XXX_Marshal(nil, true)
	if err != nil || !bytes.Equal(old, data) || r.XXX_Size() != len(data) {
		t.Errorf("XXX_Marshal gave %q, %v, want %q", old, err, data)
	}
	var got protorpc.Response
	if err := got.XXX_Unmarshal(append(data, "\x98\x06\x01"...)); err != nil || got.GetError() != "e" || got.GetSeq() != 7 {
		t.Errorf("XXX_Unmarshal gave %v, %v", &got, err)
	}
	if string(got.XXX_unrecognized) != "\x98\x06\x01" {
		t.Errorf("unknown fields are %q", got.XXX_unrecognized)
	}
	got.XXX_DiscardUnknown()
	if !proto.Equal(&got, r) {
		t.Errorf("got %v, want %v", &got, r)
	}
	got.XXX_Merge(&protorpc.Response{Error: "f"})
	if js, err := protojson.Marshal(&got); err != nil || got.Error != "f" || len(js) == 0 {
		t.Errorf("got %v as %s, %v", &got, js, err)
	}
	if got.Reset(); got.String() != "" {
		t.Errorf("got %v after Reset", &got)
	}
	if _, err := protoregistry.GlobalFiles.FindFileByPath("codec/protorpc/envelope.proto"); err != nil {
		t.Error(err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x03\x0a\x01M\x00\x00\x00\x04\x0a\x02ab"))
	f.Add([]byte("\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add([]byte("\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, kind := range []codec.MessageType{codec.Request, codec.Response, codec.Event} {
			memory := protorpc.NewCodec(buf.New(bytes.NewBuffer(bytes.Clone(data))))
			stream := protorpc.NewCodec(readOnly{bytes.NewReader(data)})
			a, b := memory.ReadHeader(&codec.Message{}, kind), stream.ReadHeader(&codec.Message{}, kind)
			if a == nil && b == nil {
				a, b = memory.ReadBody(new(testpb.Everything)), stream.ReadBody(new(testpb.Everything))
			}
			if (a == nil) != (b == nil) {
				t.Fatalf("in memory: %v, from a stream: %v", a, b)
			}
		}
	})
}

type readOnly struct{ io.Reader }

func (readOnly) Write(p []byte) (int, error) { return len(p), nil }
func (readOnly) Close() error                { return nil }
