package json

import (
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/protobuf"
)

// protoMessage returns v as a protobuf message, unless v brings a JSON form of
// its own.
func protoMessage(v any) (proto.Message, bool) {
	m, ok := protobuf.Message(v)
	if !ok {
		return nil, false
	}
	if _, own := v.(json.Marshaler); own {
		return nil, false
	}
	return m, true
}

// appendProto appends the JSON mapping of m with the original field names and
// without empty fields.
func appendProto(b []byte, m proto.Message) ([]byte, error) {
	start := len(b)
	b, err := protojson.MarshalOptions{UseProtoNames: true}.MarshalAppend(b, m)
	if err != nil {
		return nil, err
	}
	return b[:start+len(compact(b[start:]))], nil
}

// marshalProto returns the JSON mapping of m with camel-case field names.
func marshalProto(m proto.Message) ([]byte, error) {
	b, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	return compact(b), nil
}

// compact removes the spaces between tokens in place. protojson adds some in
// one build and none in another; the wire shall not depend on that.
func compact(b []byte) []byte {
	out := b[:0]
	quoted, escaped := false, false
	for _, c := range b {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ' ' && !quoted:
			continue
		}
		out = append(out, c)
	}
	return out
}

func unmarshalProto(data []byte, m proto.Message) error {
	if !m.ProtoReflect().IsValid() {
		return codec.ErrInvalidMessage
	}
	return protojson.Unmarshal(data, m)
}
