// Package jsonmessage writes and reads protobuf messages as JSON the way peers
// of go-micro v4 do, which use encoding/json on the generated structs: original
// field names, 64-bit integers and enums as numbers, empty fields left out,
// HTML escaped. What encoding/json writes in a form that nobody reads back
// follows the JSON mapping of protobuf: oneofs, and in a [Body] the well-known
// types.
//
// Reading takes both forms of everything: names as in the .proto file or in
// camel case, and like encoding/json in any case of letters where none is exact,
// so that structs without tags are understood; null for empty elements; integers as numbers or strings, enums by number or name, oneofs
// flat or under the Go name of the oneof, well-known types in their mapping or
// as their fields. Fields that the message does not have are ignored, as they
// are in the binary encoding, and so are names that an enum does not have.
package jsonmessage

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/codec"
)

// Form says what peers do with the JSON.
type Form uint8

const (
	// Body is the body of the content type application/json. Well-known types
	// are written in their JSON mapping.
	Body Form = iota
	// Envelope is JSON within JSON-RPC and gRPC, which peers both write and read
	// with encoding/json. Timestamps, durations, wrappers, field masks and Any
	// are written as their fields.
	Envelope
)

// maxDepth is how deep messages, lists and unknown values may be nested in what
// is read. It is the limit of the binary encoding.
const maxDepth = protowire.DefaultRecursionLimit

// Append appends the JSON of m to b.
func Append(b []byte, m proto.Message, form Form) ([]byte, error) {
	w := writer{out: b, form: form}
	if err := w.message(m.ProtoReflect()); err != nil {
		return b, err
	}
	return w.out, proto.CheckInitialized(m)
}

// Unmarshal makes m the message that is the only value in data. It does not keep
// data. After an error m holds a part of it. A nil m is
// codec.ErrInvalidMessage.
func Unmarshal(data []byte, m proto.Message, form Form) error {
	if !m.ProtoReflect().IsValid() {
		return codec.ErrInvalidMessage
	}
	proto.Reset(m)
	r := reader{scanner: scanner{data: data}, form: form}
	if err := r.message(m.ProtoReflect(), maxDepth); err != nil {
		return err
	}
	if c := r.next(); c != 0 || r.at < len(r.data) {
		return r.unexpected("the end")
	}
	return proto.CheckInitialized(m)
}
