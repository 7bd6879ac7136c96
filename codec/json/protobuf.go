package json

import (
	"bytes"
	"encoding/json"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/codec/internal/jsonmessage"
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

// marshalProto returns the JSON mapping of m with camel-case field names.
func marshalProto(m proto.Message) ([]byte, error) {
	b, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	return jsonmessage.Compact(b), nil
}

// unmarshalProto decodes data into m. Null is the message without a field, unless it
// is a value of the message: a gateway sends it for a request that says nothing.
func unmarshalProto(data []byte, m proto.Message) error {
	err := jsonmessage.Unmarshal(data, m, jsonmessage.Body)
	if err != nil && m.ProtoReflect().IsValid() && string(bytes.TrimSpace(data)) == "null" {
		return nil
	}
	return err
}
