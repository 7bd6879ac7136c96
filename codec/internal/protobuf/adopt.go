package protobuf

import (
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// adoptSize is the length from which on a field of bytes is not copied.
const adoptSize = 16 << 10

// Adopt is Unmarshal for data that belongs to v from then on: a large field of
// bytes that makes up most of data stays where it is. Everything else is copied,
// so that no small value keeps a large message in memory.
func Adopt(data []byte, v any) error {
	m, ok := v.(proto.Message)
	if !ok || len(data) < adoptSize || !m.ProtoReflect().IsValid() {
		return Unmarshal(data, v)
	}
	large, ok := findLarge(data, m.ProtoReflect().Descriptor().Fields())
	if !ok {
		return Unmarshal(data, v)
	}
	proto.Reset(m)
	some := proto.UnmarshalOptions{Merge: true, AllowPartial: true}
	for _, rest := range [][]byte{data[:large.from], data[large.to:]} {
		if err := some.Unmarshal(rest, m); err != nil {
			return err
		}
	}
	m.ProtoReflect().Set(large.field, protoreflect.ValueOfBytes(large.value))
	return proto.CheckInitialized(m)
}

// largeField is a field of bytes in an encoded message.
type largeField struct {
	field    protoreflect.FieldDescriptor
	from, to int // where its tag starts and its value ends
	value    []byte
}

// findLarge finds the field that makes up most of data. It is false when there
// is none, or when other values of the same field come after it: the last one
// counts.
func findLarge(data []byte, fields protoreflect.FieldDescriptors) (found largeField, ok bool) {
	for at := 0; at < len(data); {
		number, kind, tag := protowire.ConsumeTag(data[at:])
		if tag < 0 {
			return largeField{}, false
		}
		size := protowire.ConsumeFieldValue(number, kind, data[at+tag:])
		if size < 0 || ok && number == found.field.Number() {
			return largeField{}, false
		}
		end := at + tag + size
		if size > len(data)/2 {
			field := fields.ByNumber(number)
			if kind != protowire.BytesType || !adoptable(field) {
				return largeField{}, false
			}
			value, _ := protowire.ConsumeBytes(data[at+tag:])
			found, ok = largeField{field, at, end, value[:len(value):len(value)]}, true
		}
		at = end
	}
	return found, ok
}

// adoptable reports whether a field has one value of bytes that depends on no
// other field. Nil is an unknown field.
func adoptable(f protoreflect.FieldDescriptor) bool {
	return f != nil && f.Kind() == protoreflect.BytesKind && !f.IsList() && f.ContainingOneof() == nil
}
