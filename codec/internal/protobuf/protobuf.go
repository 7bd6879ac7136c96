// Package protobuf finds out whether a value is a protobuf message, of any
// generation of generated code, and encodes it without waste.
package protobuf

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"

	"github.com/justcy/go-micro/v4/codec"
)

// Message returns v as a protobuf message. It also wraps values of the first Go
// API for protobuf, which have Reset, String and ProtoMessage.
func Message(v any) (proto.Message, bool) {
	switch m := v.(type) {
	case proto.Message:
		return m, true
	case protoadapt.MessageV1:
		return protoadapt.MessageV2Of(m), true
	}
	return nil, false
}

// Size returns the length of the encoding of m. AppendSized must follow.
func Size(m proto.Message) int {
	return proto.Size(m)
}

// AppendSized appends the encoding of m, whose Size has just been taken.
func AppendSized(b []byte, m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(b, m)
}

// Unmarshal decodes data into v, which does not keep data. A v that is no
// protobuf message, or a nil one, is codec.ErrInvalidMessage.
func Unmarshal(data []byte, v any) error {
	m, ok := Message(v)
	if !ok || !m.ProtoReflect().IsValid() {
		return codec.ErrInvalidMessage
	}
	return proto.Unmarshal(data, m)
}
