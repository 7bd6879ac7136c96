package json

import (
	"encoding/json"

	"github.com/justcy/go-micro/v4/codec"
)

// Marshaler encodes single values. Protobuf messages get the JSON mapping of
// protobuf with camel-case field names; everything else goes by encoding/json.
type Marshaler struct{}

var _ codec.Marshaler = Marshaler{}

// Marshal returns the JSON of v, in memory of its own.
func (Marshaler) Marshal(v any) ([]byte, error) {
	if m, ok := protoMessage(v); ok {
		return marshalProto(m)
	}
	return json.Marshal(v)
}

// Unmarshal decodes data into v. Protobuf messages are read in every form that
// the Codec reads.
func (Marshaler) Unmarshal(data []byte, v any) error {
	if m, ok := protoMessage(v); ok {
		return unmarshalProto(data, m)
	}
	return json.Unmarshal(data, v)
}

// String returns "json".
func (Marshaler) String() string {
	return name
}
