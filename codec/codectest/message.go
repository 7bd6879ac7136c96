package codectest

import (
	"fmt"
	"io"
	"maps"

	"github.com/justcy/go-micro/v4/codec"
)

// messageTypes are those that have a body.
var messageTypes = []codec.MessageType{codec.Request, codec.Response, codec.Event}

// message returns the message that travels with the i-th value.
func message(t codec.MessageType, i int) *codec.Message {
	return &codec.Message{
		Id:       fmt.Sprint(100 + i),
		Type:     t,
		Target:   "greeter",
		Method:   "Say.Hello",
		Endpoint: "Say.Hello",
		Header:   map[string]string{},
	}
}

// encode returns the bytes and the headers of a message with the body v.
func (h Harness) encode(m *codec.Message, v any) ([]byte, error) {
	s := &plain{in: eof{}}
	if err := h.New(s).Write(m, v); err != nil {
		return nil, fmt.Errorf("write %T: %w", v, err)
	}
	return s.out.Bytes(), nil
}

// decode reads the message that was sent as m from c, with its body into v.
func decode(c codec.Codec, sent *codec.Message, v any) (*codec.Message, error) {
	m := &codec.Message{Type: sent.Type, Header: maps.Clone(sent.Header)}
	t := sent.Type
	if t == codec.Error {
		t = codec.Response
	}
	if err := c.ReadHeader(m, t); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	if err := c.ReadBody(v); err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	return m, nil
}

// expect reads the message sent as m from c and compares its body with the i-th
// value.
func (h Harness) expect(c codec.Codec, sent *codec.Message, i int) error {
	got := h.Target()
	if _, err := decode(c, sent, got); err != nil {
		return err
	}
	return h.same(h.Value(i), got)
}

func (h Harness) same(want, got any) error {
	if !h.Equal(want, got) {
		return fmt.Errorf("got %v, want %v", indirect(got), indirect(want))
	}
	return nil
}

// eof is a stream that has ended.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
