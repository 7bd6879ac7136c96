// Package jsonvalue is the JSON inside envelopes, in JSON-RPC and gRPC. It is
// written by encoding/json, protobuf messages included, because that is what
// the peers of these protocols read. The exception are messages with a oneof,
// which encoding/json can write but nobody can read: they get the JSON mapping
// of protobuf.
package jsonvalue

import (
	"encoding/json"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/justcy/go-micro/v4/codec/internal/protobuf"
)

// Marshal returns the JSON of v in memory of its own.
func Marshal(v any) ([]byte, error) {
	if m, ok := message(v); ok && hasOneof(m) {
		b, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
		if err != nil {
			return nil, err
		}
		return json.Marshal(json.RawMessage(b)) // without protojson's random spaces
	}
	return json.Marshal(v)
}

// Unmarshal decodes data into v. Protobuf messages are read in both forms.
func Unmarshal(data []byte, v any) error {
	m, ok := message(v)
	if !ok || !m.ProtoReflect().IsValid() {
		return json.Unmarshal(data, v)
	}
	if hasOneof(m) && protojson.Unmarshal(data, m) == nil {
		return nil
	}
	proto.Reset(m)
	err := json.Unmarshal(data, v)
	if err != nil && protojson.Unmarshal(data, m) == nil {
		return nil
	}
	return err
}

// message returns v as a protobuf message, unless it brings a JSON form of its
// own.
func message(v any) (proto.Message, bool) {
	if _, own := v.(json.Marshaler); own {
		return nil, false
	}
	return protobuf.Message(v)
}

// withOneof remembers which message types reach a oneof.
var withOneof sync.Map // protoreflect.MessageDescriptor to bool

// hasOneof reports whether m, or a message that can be within it, has a oneof.
func hasOneof(m proto.Message) bool {
	d := m.ProtoReflect().Descriptor()
	if known, ok := withOneof.Load(d); ok {
		return known.(bool)
	}
	found := reachesOneof(d, map[protoreflect.FullName]bool{})
	withOneof.Store(d, found)
	return found
}

func reachesOneof(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[d.FullName()] {
		return false
	}
	seen[d.FullName()] = true
	for i := range d.Oneofs().Len() {
		if !d.Oneofs().Get(i).IsSynthetic() {
			return true
		}
	}
	for i := range d.Fields().Len() {
		if inner := d.Fields().Get(i).Message(); inner != nil && reachesOneof(inner, seen) {
			return true
		}
	}
	return false
}
