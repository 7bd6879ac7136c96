package text_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/text"
	"github.com/justcy/go-micro/v4/util/buf"
)

func TestTextIsWrittenAsItIs(t *testing.T) {
	s, data := "abc", []byte("abc")
	for _, v := range []any{s, &s, data, &data, &text.Frame{Data: data}} {
		out := new(bytes.Buffer)
		if err := text.NewCodec(buf.New(out)).Write(nil, v); err != nil || out.String() != "abc" {
			t.Errorf("%T: wrote %q, %v", v, out, err)
		}
	}
}

func TestTheBodyIsTheWholeInput(t *testing.T) {
	var s string
	var data []byte
	var frame text.Frame
	for _, v := range []any{&s, &data, &frame} {
		if err := text.NewCodec(buf.New(bytes.NewBufferString("abc"))).ReadBody(v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
	if s != "abc" || string(data) != "abc" || string(frame.Data) != "abc" {
		t.Errorf("read %q, %q, %q", s, data, frame.Data)
	}
}

func TestNilIsNoError(t *testing.T) {
	stream := buf.New(bytes.NewBufferString("abc"))
	c := text.NewCodec(stream)
	if err := c.ReadBody(nil); err != nil || stream.Len() > 0 {
		t.Errorf("ReadBody: %v with %d bytes left", err, stream.Len())
	}
	for _, v := range []any{nil, (*string)(nil), (*text.Frame)(nil), (*[]byte)(nil)} {
		if err := c.Write(nil, v); err != nil || stream.Len() > 0 {
			t.Errorf("Write(%T): %v with %d bytes written", v, err, stream.Len())
		}
	}
}

func TestOtherValuesAreInvalid(t *testing.T) {
	c := text.NewCodec(buf.New(nil))
	for _, v := range []any{7, "text", (*string)(nil), (*text.Frame)(nil), (*[]byte)(nil)} {
		if err := c.ReadBody(v); !errors.Is(err, codec.ErrInvalidMessage) {
			t.Errorf("ReadBody(%T) returned %v", v, err)
		}
	}
	if err := c.Write(nil, 7); !errors.Is(err, codec.ErrInvalidMessage) {
		t.Errorf("Write returned %v", err)
	}
}
