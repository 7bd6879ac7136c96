// Package messagejson encodes and decodes the JSON in which messages travel over
// brokers and transports that have no form of their own for headers. It is that of
// encoding/json, byte by byte. What messages nearly always look like takes a fraction
// of the time; everything else is left to encoding/json.
package messagejson

import (
	"encoding/json"
	"slices"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/internal/plainjson"
)

// Message is what transport.Message and broker.Message are, too.
type Message struct {
	Header map[string]string
	Body   []byte
}

// Marshal returns the JSON of a message.
func Marshal(m *Message) []byte {
	size := len(`{"Header":{},"Body":""}`) + (len(m.Body)+2)/3*4
	for name, value := range m.Header {
		size += len(name) + len(value) + len(`"":"",`)
	}
	b := appendHeader(append(make([]byte, 0, size), `{"Header":`...), m.Header)
	b = plainjson.AppendBytes(append(b, `,"Body":`...), m.Body)
	return append(b, '}')
}

func appendHeader(b []byte, header map[string]string) []byte {
	if header == nil {
		return append(b, "null"...)
	}
	var few [16]string
	names := few[:0]
	for name := range header {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = plainjson.AppendString(b, name)
		b = plainjson.AppendString(append(b, ':'), header[name])
	}
	return append(b, '}')
}

// Unmarshal reads the JSON of a message.
func Unmarshal(data []byte, m *Message) error {
	if unmarshalPlain(data, m) {
		return nil
	}
	*m = Message{}
	return json.Unmarshal(data, m)
}

// MarshalWith encodes v, which is m by its own type, with a codec, or as JSON if that is
// nil.
func MarshalWith(c codec.Marshaler, v any, m *Message) ([]byte, error) {
	if c == nil {
		return Marshal(m), nil
	}
	return c.Marshal(v)
}

// UnmarshalWith is the reverse of MarshalWith.
func UnmarshalWith(c codec.Marshaler, data []byte, v any, m *Message) error {
	if c == nil {
		return Unmarshal(data, m)
	}
	return c.Unmarshal(data, v)
}

// unmarshalPlain reads what Marshal writes for a message that has a body and whose
// header needs no escaping, and reports whether it was that.
func unmarshalPlain(data []byte, m *Message) bool {
	r := plainjson.Reader(data)
	if !r.Literal(`{"Header":`) {
		return false
	}
	var ok bool
	if m.Header, ok = readHeader(&r); !ok || !r.Literal(`,"Body":`) {
		return false
	}
	m.Body, ok = r.Bytes()
	return ok && string(r) == "}"
}

func readHeader(r *plainjson.Reader) (header map[string]string, ok bool) {
	if r.Literal("null") {
		return nil, true
	}
	if !r.Literal("{") {
		return nil, false
	}
	header = map[string]string{}
	for !r.Literal("}") {
		if len(header) > 0 && !r.Literal(",") {
			return nil, false
		}
		name, ok := r.Text()
		if !ok || !r.Literal(":") {
			return nil, false
		}
		value, ok := r.Text()
		if !ok {
			return nil, false
		}
		header[string(name)] = string(value)
	}
	return header, true
}
