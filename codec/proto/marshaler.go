package proto

import (
	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/internal/protobuf"
)

// Marshaler encodes protobuf messages. Other values are
// codec.ErrInvalidMessage.
type Marshaler struct{}

var _ codec.Marshaler = Marshaler{}

// Marshal returns the encoding of the message v, in memory of its own.
func (Marshaler) Marshal(v any) ([]byte, error) {
	m, ok := protobuf.Message(v)
	if !ok {
		return nil, codec.ErrInvalidMessage
	}
	if raw, ok := v.(*Message); ok {
		return clone(raw.data()), nil
	}
	return proto.Marshal(m)
}

// Unmarshal decodes data into the message v.
func (Marshaler) Unmarshal(data []byte, v any) error {
	return protobuf.Unmarshal(data, v)
}

// String returns "proto".
func (Marshaler) String() string {
	return name
}
