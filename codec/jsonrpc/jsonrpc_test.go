package jsonrpc_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
	"github.com/justcy/go-micro/v4/codec/jsonrpc"
	"github.com/justcy/go-micro/v4/codec/protorpc"
	"github.com/justcy/go-micro/v4/util/buf"
)

func TestMessagesHaveTheBytesOfV4(t *testing.T) {
	tests := []struct {
		name string
		m    codec.Message
		v    any
		want string
	}{
		{"request", codec.Message{Type: codec.Request, Method: "Say.Hello", Id: "7"}, []int{1}, `{"method":"Say.Hello","params":[[1]],"id":"7"}` + "\n"},
		{"protobuf", codec.Message{Type: codec.Request, Method: "M", Id: "1"}, &protorpc.Request{ServiceMethod: "<", Seq: 5}, `{"method":"M","params":[{"service_method":"\u003c","seq":5}],"id":"1"}` + "\n"},
		{"response", codec.Message{Type: codec.Response, Id: "7"}, "r", `{"id":"7","result":"r","error":null}` + "\n"},
		{"error", codec.Message{Type: codec.Error, Id: "7", Error: "no"}, "r", `{"id":"7","result":null,"error":"no"}` + "\n"},
		{"event", codec.Message{Type: codec.Event}, map[string]int{"a": 1}, `{"a":1}`},
	}
	for _, tt := range tests {
		out := new(bytes.Buffer)
		if err := jsonrpc.NewCodec(buf.New(out)).Write(&tt.m, tt.v); err != nil || out.String() != tt.want {
			t.Errorf("%s: wrote %s, %v, want %s", tt.name, out, err, tt.want)
		}
	}
}

func TestAnErrorWithoutATextIsRead(t *testing.T) {
	wire := buf.New(nil)
	c := jsonrpc.NewCodec(wire)
	if err := c.Write(&codec.Message{Type: codec.Error, Id: "7"}, nil); err != nil {
		t.Fatal(err)
	}
	m := new(codec.Message)
	if err := c.ReadHeader(m, codec.Response); err != nil || m.Error != "unspecified error" {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestAnUnknownMessageTypeIsAnError(t *testing.T) {
	c := jsonrpc.NewCodec(buf.New(nil))
	for _, err := range []error{c.Write(&codec.Message{Type: 9}, nil), c.ReadHeader(&codec.Message{}, 9)} {
		if err == nil || err.Error() != "Unrecognized message type: 9" {
			t.Errorf("got %v", err)
		}
	}
}

func TestAResponseIsAResultOrAnError(t *testing.T) {
	tests := []struct {
		name, in, id, errText, body string
		fails                       bool
	}{
		{"result", `{"id":"7","result":"r","error":null}`, "7", "", "r", false},
		{"error", `{"id":"7","result":null,"error":"no"}`, "7", "no", "before", false},
		{"empty error", `{"id":"7","error":""}`, "7", "unspecified error", "before", false},
		{"error that is no string", `{"id":"7","error":{"code":1}}`, "7", "", "", true},
		{"number as id", `{"id":12345678901,"result":"r"}`, "12345678901", "", "r", false},
		{"no object", `[]`, "", "", "", true},
	}
	for _, tt := range tests {
		c := jsonrpc.NewCodec(buf.New(bytes.NewBufferString(tt.in)))
		m := &codec.Message{}
		err := c.ReadHeader(m, codec.Response)
		if tt.fails {
			if err == nil {
				t.Errorf("%s: no error", tt.name)
			}
			continue
		}
		body := "before"
		if err != nil || m.Id != tt.id || m.Error != tt.errText || c.ReadBody(&body) != nil || body != tt.body {
			t.Errorf("%s: got %+v with %q, %v", tt.name, m, body, err)
		}
	}
}

func TestMissingParamsOrNullResultDoNotPanic(t *testing.T) {
	for in, kind := range map[string]codec.MessageType{
		`{"method":"M","id":"1"}`:               codec.Request,
		`{"method":"M","id":"1","params":null}`: codec.Request,
		`{"method":"M","id":"1","params":[]}`:   codec.Request,
		`{"id":"1","result":null}`:              codec.Response,
		`{"id":"1"}`:                            codec.Response,
	} {
		c := jsonrpc.NewCodec(buf.New(bytes.NewBufferString(in)))
		v := 7
		if err := c.ReadHeader(&codec.Message{}, kind); err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if err := c.ReadBody(&v); err != nil || v != 7 {
			t.Errorf("%s: read %d, %v", in, v, err)
		}
	}
}

func TestBodyBeforeAnyHeaderIsNone(t *testing.T) {
	if err := jsonrpc.NewCodec(buf.New(nil)).ReadBody(new(int)); err != nil {
		t.Error(err)
	}
}

// duplex is a connection with an answer ready.
type duplex struct {
	io.Reader
	io.Writer
}

func (duplex) Close() error { return nil }

func TestResponseGetsTheMethodOfItsRequest(t *testing.T) {
	c := jsonrpc.NewCodec(duplex{strings.NewReader(`{"id":"7","result":1}`), io.Discard})
	if err := c.Write(&codec.Message{Type: codec.Request, Id: "7", Method: "M"}, 1); err != nil {
		t.Fatal(err)
	}
	m := new(codec.Message)
	if err := c.ReadHeader(m, codec.Response); err != nil || m.Method != "M" {
		t.Errorf("got %q, %v", m.Method, err)
	}
}

// writer is a connection on which something happens at each write.
type writer func() error

func (w writer) Write(p []byte) (int, error) { return len(p), w() }

func TestResponseMayBeQuickerThanWrite(t *testing.T) {
	m := new(codec.Message)
	var c codec.Codec
	c = jsonrpc.NewCodec(duplex{strings.NewReader(`{"id":"7","result":1}`), writer(func() error {
		return c.ReadHeader(m, codec.Response)
	})})
	if err := c.Write(&codec.Message{Type: codec.Request, Id: "7", Method: "M"}, 1); err != nil {
		t.Fatal(err)
	}
	if m.Method != "M" {
		t.Errorf("got method %q", m.Method)
	}
}

func TestFailedWriteIsNotPending(t *testing.T) {
	broken := errors.New("broken")
	c := jsonrpc.NewCodec(duplex{strings.NewReader(`{"id":"7","result":1}`), writer(func() error { return broken })})
	if err := c.Write(&codec.Message{Type: codec.Request, Id: "7", Method: "M"}, 1); !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
	m := new(codec.Message)
	if err := c.ReadHeader(m, codec.Response); err != nil || m.Method != "" {
		t.Errorf("got %q, %v", m.Method, err)
	}
}

func TestPendingIdsAreForgottenOnClose(t *testing.T) {
	c := jsonrpc.NewCodec(duplex{strings.NewReader(`{"id":"7","result":1}`), io.Discard})
	if err := c.Write(&codec.Message{Type: codec.Request, Id: "7", Method: "M"}, 1); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	m := new(codec.Message)
	if err := c.ReadHeader(m, codec.Response); err != nil || m.Method != "" {
		t.Errorf("got %q, %v", m.Method, err)
	}
}

func TestProtobufIsAlsoReadInItsJSONMapping(t *testing.T) {
	c := jsonrpc.NewCodec(buf.New(bytes.NewBufferString(`{"method":"M","params":[{"bigNumber":"5","colour":"COLOUR_RED"}],"id":1}`)))
	var got testpb.Everything
	if err := c.ReadHeader(&codec.Message{}, codec.Request); err != nil {
		t.Fatal(err)
	}
	if err := c.ReadBody(&got); err != nil || got.BigNumber != 5 || got.Colour != testpb.Colour_COLOUR_RED {
		t.Errorf("got %v, %v", &got, err)
	}
}

func TestFieldsAreReadInEveryForm(t *testing.T) {
	for in, want := range map[string]*testpb.Everything{
		`{"bigNumber":5}`:                             {BigNumber: 5},
		`{"BIG_NUMBER":"5","new_field":{"a":[1]}}`:    {BigNumber: 5},
		`{"at":{"seconds":1},"note":{"value":"n"}}`:   {At: &timestamppb.Timestamp{Seconds: 1}, Note: wrapperspb.String("n")},
		`{"Choice":{"Number":3},"children":[null]}`:   {Choice: &testpb.Everything_Number{Number: 3}, Children: []*testpb.Everything{{}}},
		`{"at":"1970-01-01T00:00:01Z","Choice":null}`: {At: &timestamppb.Timestamp{Seconds: 1}},
	} {
		c := jsonrpc.NewCodec(buf.New(bytes.NewBufferString(`{"method":"M","params":[` + in + `],"id":1}`)))
		got := new(testpb.Everything)
		if err := c.ReadHeader(&codec.Message{}, codec.Request); err != nil {
			t.Fatal(err)
		}
		if err := c.ReadBody(got); err != nil || !proto.Equal(got, want) {
			t.Errorf("%s: got %v, %v", in, got, err)
		}
	}
}

// Peers of JSON-RPC read with encoding/json, whose integers are no strings.
func TestMessagesWithAOneofHaveNumbersAndPlainTimes(t *testing.T) {
	out := buf.New(nil)
	sent := &testpb.Everything{BigNumber: 5, Colour: 1, At: &timestamppb.Timestamp{Seconds: 7}, Choice: &testpb.Everything_Text{Text: "<"}}
	if err := jsonrpc.NewCodec(out).Write(&codec.Message{Type: codec.Request}, sent); err != nil {
		t.Fatal(err)
	}
	if want := `{"big_number":5,"colour":1,"text":"\u003c","at":{"seconds":7}}`; !strings.Contains(fmt.Sprint(out), want) {
		t.Errorf("wrote %s, want %s in it", out, want)
	}
}

func TestWhatEncodingJSONRefusesIsCarried(t *testing.T) {
	wire := buf.New(nil)
	c := jsonrpc.NewCodec(wire)
	sent := &testpb.Plain{Twice: math.Inf(1), Longs: []int64{1}}
	if err := c.Write(&codec.Message{Type: codec.Request}, sent); err != nil {
		t.Fatal(err)
	}
	got := new(testpb.Plain)
	if err := errors.Join(c.ReadHeader(&codec.Message{}, codec.Request), c.ReadBody(got)); err != nil || !proto.Equal(got, sent) {
		t.Errorf("got %v, %v", got, err)
	}
}

// encoding/json's form of a oneof cannot be read back by anybody.
func TestOneofIsReadBack(t *testing.T) {
	stream := buf.New(nil)
	c := jsonrpc.NewCodec(stream)
	sent := &testpb.Everything{BigNumber: 5, Choice: &testpb.Everything_Text{Text: "a"}}
	if err := c.Write(&codec.Message{Type: codec.Request}, sent); err != nil {
		t.Fatal(err)
	}
	var got testpb.Everything
	if err := c.ReadHeader(&codec.Message{}, codec.Request); err != nil {
		t.Fatal(err)
	}
	if err := c.ReadBody(&got); err != nil || !proto.Equal(&got, sent) {
		t.Errorf("got %v, %v", &got, err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"method":"M","params":[1],"id":"7"}`))
	f.Add([]byte(`{"id":null,"result":{},"error":"x"}`))
	f.Add([]byte(`{"id":"1","params":{}}{`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, kind := range []codec.MessageType{codec.Request, codec.Response, codec.Event} {
			memory := jsonrpc.NewCodec(buf.New(bytes.NewBuffer(bytes.Clone(data))))
			stream := jsonrpc.NewCodec(duplex{bytes.NewReader(data), io.Discard})
			for range 3 {
				m, s := new(codec.Message), new(codec.Message)
				a, b := memory.ReadHeader(m, kind), stream.ReadHeader(s, kind)
				if (a == nil) != (b == nil) || m.Id != s.Id || m.Method != s.Method {
					t.Fatalf("in memory: %v, %v, from a stream: %v, %v", m, a, s, b)
				}
				if a != nil {
					break
				}
				_, _ = memory.ReadBody(new(any)), stream.ReadBody(new(any))
			}
		}
	})
}
