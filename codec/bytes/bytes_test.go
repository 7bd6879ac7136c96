package bytes_test

import (
	stdbytes "bytes"
	"errors"
	"testing"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/util/buf"
)

func TestBytesAreWrittenAsTheyAre(t *testing.T) {
	data := []byte("abc")
	for _, v := range []any{data, &data, &bytes.Frame{Data: data}} {
		out := new(stdbytes.Buffer)
		if err := bytes.NewCodec(buf.New(out)).Write(nil, v); err != nil || out.String() != "abc" {
			t.Errorf("%T: wrote %q, %v", v, out, err)
		}
	}
}

func TestTheBodyIsTheWholeInput(t *testing.T) {
	var data []byte
	var frame bytes.Frame
	for v, got := range map[any]*[]byte{&data: &data, &frame: &frame.Data} {
		if err := bytes.NewCodec(buf.New(stdbytes.NewBufferString("abc"))).ReadBody(v); err != nil || string(*got) != "abc" {
			t.Errorf("%T: read %q, %v", v, *got, err)
		}
	}
}

func TestNilIsNoError(t *testing.T) {
	stream := buf.New(stdbytes.NewBufferString("abc"))
	c := bytes.NewCodec(stream)
	if err := c.ReadBody(nil); err != nil || stream.Len() > 0 {
		t.Errorf("ReadBody: %v with %d bytes left", err, stream.Len())
	}
	for _, v := range []any{nil, (*bytes.Frame)(nil), (*[]byte)(nil)} {
		if err := c.Write(nil, v); err != nil || stream.Len() > 0 {
			t.Errorf("Write(%T): %v with %d bytes written", v, err, stream.Len())
		}
	}
}

func TestOtherValuesAreInvalid(t *testing.T) {
	c := bytes.NewCodec(buf.New(nil))
	for _, v := range []any{7, "text", (*bytes.Frame)(nil), []byte{}} {
		if err := c.ReadBody(v); !errors.Is(err, codec.ErrInvalidMessage) {
			t.Errorf("ReadBody(%T) returned %v", v, err)
		}
	}
	if err := c.Write(nil, "text"); !errors.Is(err, codec.ErrInvalidMessage) {
		t.Errorf("Write returned %v", err)
	}
}

func TestMarshalerTakesTheBodyOfAMessage(t *testing.T) {
	data, err := bytes.Marshaler{}.Marshal(&bytes.Message{Header: map[string]string{"a": "b"}, Body: []byte("abc")})
	if err != nil || string(data) != "abc" {
		t.Fatalf("got %q, %v", data, err)
	}
	var m bytes.Message
	if err := (bytes.Marshaler{}).Unmarshal(data, &m); err != nil || string(m.Body) != "abc" {
		t.Errorf("got %q, %v", m.Body, err)
	}
	if _, err := (bytes.Marshaler{}).Marshal("text"); err != codec.ErrInvalidMessage {
		t.Errorf("got %v for a string", err)
	}
}
