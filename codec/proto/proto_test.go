package proto_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	googleproto "google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
	"github.com/justcy/go-micro/v4/codec/proto"
	"github.com/justcy/go-micro/v4/util/buf"
)

// old is a message as the first generation of generated code had it.
type old struct {
	Name string `protobuf:"bytes,1,opt,name=name,proto3"`
}

func (m *old) Reset()         { *m = old{} }
func (m *old) String() string { return m.Name }
func (*old) ProtoMessage()    {}

func TestMessagesAreWrittenAsProtobuf(t *testing.T) {
	var missing *testpb.Everything
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"message", &testpb.Everything{FullName: "ab", BigNumber: 3}, "\x0a\x02ab\x10\x03"},
		{"message of old generated code", &old{Name: "ab"}, "\x0a\x02ab"},
		{"raw carrier", proto.NewMessage([]byte("raw")), "raw"},
		{"empty message", &testpb.Everything{}, ""},
		{"nil message", missing, ""},
		{"nil", nil, ""},
	}
	for _, tt := range tests {
		out := new(bytes.Buffer)
		if err := proto.NewCodec(buf.New(out)).Write(nil, tt.v); err != nil || out.String() != tt.want {
			t.Errorf("%s: wrote %q, %v, want %q", tt.name, out, err, tt.want)
		}
	}
}

func TestOnlyMessagesAreReadInto(t *testing.T) {
	read := func(v any) error {
		return proto.NewCodec(buf.New(bytes.NewBufferString("\x0a\x02ab"))).ReadBody(v)
	}
	var o old
	if err := read(&o); err != nil || o.Name != "ab" {
		t.Errorf("old generated code: got %v, %v", &o, err)
	}
	var raw proto.Message
	if err := read(&raw); err != nil || string(raw.Data) != "\x0a\x02ab" {
		t.Errorf("raw carrier: got %q, %v", raw.Data, err)
	}
	for _, v := range []any{(*testpb.Everything)(nil), new(string), 7} {
		if err := read(v); !errors.Is(err, codec.ErrInvalidMessage) {
			t.Errorf("%T: got %v, want ErrInvalidMessage", v, err)
		}
	}
}

func TestNotProtobufIsInvalidMessage(t *testing.T) {
	if err := proto.NewCodec(buf.New(nil)).Write(nil, "text"); err != codec.ErrInvalidMessage {
		t.Errorf("Write: got %v", err)
	}
	if _, err := (proto.Marshaler{}).Marshal("text"); err != codec.ErrInvalidMessage {
		t.Errorf("Marshal: got %v", err)
	}
}

func TestMarshalReturnsMemoryItOwns(t *testing.T) {
	for _, v := range []any{&testpb.Everything{FullName: "a"}, proto.NewMessage([]byte("\x0a\x01a"))} {
		data, err := proto.Marshaler{}.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		data[0] = '!'
		again, err := proto.Marshaler{}.Marshal(v)
		if err != nil || string(again) != "\x0a\x01a" {
			t.Errorf("%T: got %q, %v", v, again, err)
		}
	}
}

func TestMessageKeepsACopy(t *testing.T) {
	data := []byte(`{"a":1}`)
	var m proto.Message
	if err := m.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	data[0] = '!'
	if m.String() != `{"a":1}` {
		t.Errorf("got %s", &m)
	}
	m.Reset()
	if b, err := m.MarshalJSON(); err != nil || string(b) != "null" {
		t.Errorf("got %s, %v after Reset", b, err)
	}
}

func TestWritingAllocatesNothing(t *testing.T) {
	out := new(bytes.Buffer)
	out.Grow(1 << 10)
	c := proto.NewCodec(buf.New(out))
	v := &testpb.Everything{FullName: strings.Repeat("x", 128)}
	if n := testing.AllocsPerRun(100, func() {
		_ = c.Write(nil, v)
		_ = c.ReadBody(nil)
	}); n > 0 {
		t.Errorf("writing makes %v allocations", n)
	}
}

func FuzzReadBody(f *testing.F) {
	f.Add([]byte("\x0a\x02ab"))
	f.Add([]byte{0xff, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		var m testpb.Everything
		if proto.NewCodec(buf.New(bytes.NewBuffer(data))).ReadBody(&m) != nil {
			return
		}
		again, err := proto.Marshaler{}.Marshal(&m)
		if err != nil {
			t.Fatal(err)
		}
		var copied testpb.Everything
		if err := (proto.Marshaler{}).Unmarshal(again, &copied); err != nil || !googleproto.Equal(&m, &copied) {
			t.Fatalf("%v became %v, %v", &m, &copied, err)
		}
	})
}

func BenchmarkEcho(b *testing.B) {
	c := proto.NewCodec(buf.New(nil))
	v, got := &testpb.Everything{FullName: strings.Repeat("x", 128)}, new(testpb.Everything)
	b.ReportAllocs()
	for b.Loop() {
		_ = c.Write(nil, v)
		_ = c.ReadBody(got)
	}
}

var _ io.Closer = (*proto.Codec)(nil)
