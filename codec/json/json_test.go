package json_test

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
	"github.com/justcy/go-micro/v4/codec/json"
	rawproto "github.com/justcy/go-micro/v4/codec/proto"
	"github.com/justcy/go-micro/v4/util/buf"
)

// everything is a message with all that encoding/json gets wrong.
func everything() *testpb.Everything {
	return &testpb.Everything{
		FullName:  "gopher",
		BigNumber: 1 << 60,
		Colour:    testpb.Colour_COLOUR_RED,
		Choice:    &testpb.Everything_Text{Text: `a, "b": c`},
		At:        &timestamppb.Timestamp{Seconds: 1},
		Note:      wrapperspb.String("n"),
		Blobs:     map[string][]byte{"k": {1, 2}},
		Children:  []*testpb.Everything{{FullName: "child"}},
	}
}

func write(t *testing.T, v any) string {
	t.Helper()
	out := new(bytes.Buffer)
	if err := json.NewCodec(buf.New(out)).Write(&codec.Message{}, v); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestValuesAreWrittenAsInV4(t *testing.T) {
	tests := []struct {
		name string
		v    any
		want string
	}{
		{"nil", nil, ""},
		{"struct", struct {
			A string `json:"a"`
		}{"<b>"}, "{\"a\":\"\\u003cb\\u003e\"}\n"},
		{"list", []int{1, 2}, "[1,2]\n"},
		{"raw carrier", rawproto.NewMessage([]byte(`{"a":1}`)), "{\"a\":1}\n"},
		{"protobuf", everything(), `{"full_name":"gopher","big_number":1152921504606846976,"colour":1,` +
			`"text":"a, \"b\": c","at":"1970-01-01T00:00:01Z","note":"n","blobs":{"k":"AQI="},"children":[{"full_name":"child"}]}` + "\n"},
		{"empty protobuf", &testpb.Everything{}, "{}\n"},
	}
	for _, tt := range tests {
		if got := write(t, tt.v); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// encoding/json's form of a oneof, a timestamp, a wrapper or a map of bytes
// cannot be read back as protobuf JSON, so such messages never arrived.
func TestOneofTimestampWrapperAndByteMapAreReadBack(t *testing.T) {
	got := new(testpb.Everything)
	if err := json.NewCodec(buf.New(bytes.NewBufferString(write(t, everything())))).ReadBody(got); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, everything()) {
		t.Errorf("got %v, want %v", got, everything())
	}
}

// Mirror is what a service without .proto files has for Everything.
type Mirror struct {
	FullName  string            `json:"full_name"`
	BigNumber int64             `json:"big_number"`
	Colour    int32             `json:"colour"`
	Blobs     map[string][]byte `json:"blobs"`
	Children  []Mirror          `json:"children"`
}

func TestStructsAndProtobufMessagesUnderstandEachOther(t *testing.T) {
	message := &testpb.Everything{FullName: "<&>", BigNumber: math.MaxInt64, Colour: testpb.Colour_COLOUR_RED,
		Blobs: map[string][]byte{"k": {1}}, Children: []*testpb.Everything{{FullName: "child"}}}
	var plain Mirror
	if err := json.NewCodec(buf.New(bytes.NewBufferString(write(t, message)))).ReadBody(&plain); err != nil ||
		plain.BigNumber != math.MaxInt64 || plain.Colour != 1 || plain.Children[0].FullName != "child" {
		t.Errorf("the struct is %+v, %v", plain, err)
	}
	back := new(testpb.Everything)
	plain.Children[0].Blobs, plain.Children[0].Children = map[string][]byte{}, []Mirror{}
	if err := json.NewCodec(buf.New(bytes.NewBufferString(write(t, plain)))).ReadBody(back); err != nil || !proto.Equal(back, message) {
		t.Errorf("the message is %v, %v", back, err)
	}
	got := new(testpb.Everything)
	if err := (json.Marshaler{}).Unmarshal([]byte(write(t, message)), got); err != nil || !proto.Equal(got, message) {
		t.Errorf("the Marshaler reads %v, %v", got, err)
	}
}

func TestPeersThatReadByTheJSONMappingAcceptIt(t *testing.T) {
	got := new(testpb.Everything)
	if err := protojson.Unmarshal([]byte(write(t, everything())), got); err != nil || !proto.Equal(got, everything()) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestBodiesAreReadInEveryFormOfJSON(t *testing.T) {
	tests := []struct {
		name, in string
		target   any
		want     string // as fmt prints it, empty for an error
	}{
		{"original names", `{"full_name":"a"}`, new(testpb.Everything), `a`},
		{"camel case", `{"fullName":"a"}`, new(testpb.Everything), `a`},
		{"what encoding/json writes", `{"full_name":"a","big_number":5,"colour":1,"raw":"AQI="}`, new(testpb.Everything), `a`},
		{"unknown field", `{"full_name":"a","nobody":1}`, new(testpb.Everything), `a`},
		{"oneof as encoding/json has it", `{"full_name":"a","Choice":{"Text":"t"}}`, new(testpb.Everything), `a`},
		{"field of another type", `{"full_name":1}`, new(testpb.Everything), ``},
		{"null into a nil message", `null`, (*testpb.Everything)(nil), ``},
		{"nil message", `{}`, (*testpb.Everything)(nil), ``},
		{"raw carrier", `{"a":1}`, new(rawproto.Message), `{"a":1}`},
		{"other value", ` [1,2]`, new([]int), `&[1 2]`},
		{"wrong type", `"a"`, new(int), ``},
		{"broken", `{"a"`, new(any), ``},
		{"empty", ` `, new(any), ``},
	}
	for _, tt := range tests {
		for _, stream := range []io.ReadWriteCloser{buf.New(bytes.NewBufferString(tt.in)), plain{strings.NewReader(tt.in)}} {
			err := json.NewCodec(stream).ReadBody(tt.target)
			if (err != nil) != (tt.want == "") {
				t.Errorf("%s from %T: error %v", tt.name, stream, err)
				continue
			}
			got := fmt.Sprint(tt.target)
			if m, ok := tt.target.(*testpb.Everything); ok && err == nil {
				got = m.FullName
			}
			if err == nil && got != tt.want {
				t.Errorf("%s from %T: got %s, want %s", tt.name, stream, got, tt.want)
			}
		}
	}
}

func TestNullIsTheMessageWithoutAField(t *testing.T) {
	for _, stream := range []io.ReadWriteCloser{buf.New(bytes.NewBufferString("null\n")), plain{strings.NewReader(" null")}} {
		m := new(testpb.Everything)
		if err := json.NewCodec(stream).ReadBody(m); err != nil || proto.Size(m) != 0 {
			t.Errorf("from %T: got %v, %v", stream, m, err)
		}
	}
}

func TestTheEndOfTheInputIsEOF(t *testing.T) {
	for _, stream := range []io.ReadWriteCloser{buf.New(bytes.NewBufferString("1\n \n")), plain{strings.NewReader("1\n \n")}} {
		c := json.NewCodec(stream)
		var n int
		if err := c.ReadBody(&n); err != nil || n != 1 {
			t.Errorf("%T: got %d, %v", stream, n, err)
		}
		if err := c.ReadBody(&n); !errors.Is(err, io.EOF) {
			t.Errorf("%T: got %v, want io.EOF", stream, err)
		}
	}
}

type plain struct{ io.Reader }

func (plain) Write(p []byte) (int, error) { return len(p), nil }
func (plain) Close() error                { return nil }

func TestMarshalReturnsMemoryItOwns(t *testing.T) {
	first, err := json.Marshaler{}.Marshal(&testpb.Everything{FullName: "first"})
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := (json.Marshaler{}).Marshal(&testpb.Everything{FullName: "other"}); err != nil {
			t.Fatal(err)
		}
	}
	if want := `{"fullName":"first"}`; string(first) != want {
		t.Errorf("got %s, want %s", first, want)
	}
}

func TestEncoderSettingsAreKept(t *testing.T) {
	out := new(bytes.Buffer)
	c := json.NewCodec(buf.New(out)).(*json.Codec)
	c.Encoder.SetEscapeHTML(false)
	if err := c.Write(&codec.Message{}, "<"); err != nil || out.String() != "\"<\"\n" {
		t.Errorf("wrote %q, %v", out, err)
	}
}

func TestLiteralCodecCanBeReset(t *testing.T) {
	c := &json.Codec{}
	c.Reset(buf.New(bytes.NewBufferString("1")))
	var n int
	if err := c.ReadBody(&n); err != nil || n != 1 {
		t.Errorf("got %d, %v", n, err)
	}
}

func FuzzReadBody(f *testing.F) {
	f.Add([]byte(`{"full_name":"a","children":[{}]}`))
	f.Add([]byte(`{"at":"1970-01-01T00:00:01Z"} {}`))
	f.Add([]byte("[1,2"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, target := range []func() any{func() any { return new(testpb.Everything) }, func() any { return new(any) }} {
			memory, stream := target(), target()
			memoryErr := json.NewCodec(buf.New(bytes.NewBuffer(bytes.Clone(data)))).ReadBody(memory)
			streamErr := json.NewCodec(plain{bytes.NewReader(data)}).ReadBody(stream)
			if (memoryErr == nil) != (streamErr == nil) {
				t.Fatalf("in memory: %v, from a stream: %v", memoryErr, streamErr)
			}
		}
	})
}

func BenchmarkProtobufEcho(b *testing.B) {
	out := new(bytes.Buffer)
	c := json.NewCodec(buf.New(out))
	v, got := &testpb.Everything{FullName: strings.Repeat("x", 128)}, new(testpb.Everything)
	b.ReportAllocs()
	for b.Loop() {
		_ = c.Write(nil, v)
		_ = c.ReadBody(got)
	}
}

func Example() {
	stream := buf.New(nil)
	c := json.NewCodec(stream)
	_ = c.Write(&codec.Message{Type: codec.Event}, map[string]string{"say": "hello"})
	fmt.Print(stream)

	var got map[string]string
	_ = c.ReadBody(&got)
	fmt.Println(got["say"])
	// Output:
	// {"say":"hello"}
	// hello
}

var _ stdjson.Marshaler = (*rawproto.Message)(nil)
