// Package jsonvalue is the JSON inside envelopes, in JSON-RPC and gRPC. It is
// written by encoding/json, protobuf messages included, because that is what
// the peers of these protocols read. The exception are messages with a oneof or
// a value that encoding/json cannot write, or writes so that nobody can read it.
package jsonvalue

import (
	"bytes"
	"encoding/json"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/justcy/go-micro/v4/codec/internal/jsonmessage"
	"github.com/justcy/go-micro/v4/codec/internal/protobuf"
)

// Marshal returns the JSON of v in memory of its own.
func Marshal(v any) ([]byte, error) {
	m, ok := message(v)
	if ok && hasOneof(m) {
		return jsonmessage.Append(nil, m, jsonmessage.Envelope)
	}
	b, err := json.Marshal(v)
	if err != nil && ok {
		return jsonmessage.Append(nil, m, jsonmessage.Envelope)
	}
	return b, err
}

// Unmarshal decodes data into v. Protobuf messages are read in every form; null
// leaves them as they are.
func Unmarshal(data []byte, v any) error {
	m, ok := message(v)
	if !ok {
		return json.Unmarshal(data, v)
	}
	if m.ProtoReflect().IsValid() && string(bytes.TrimSpace(data)) == "null" {
		return nil
	}
	return jsonmessage.Unmarshal(data, m, jsonmessage.Envelope)
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
