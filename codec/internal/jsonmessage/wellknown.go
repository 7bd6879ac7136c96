package jsonmessage

import (
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// kind says what the JSON mapping makes of a message.
type kind uint8

const (
	ordinary kind = iota // an object with its fields
	text                 // a string
	wrapper              // the value in it
	object               // any object
	list                 // any list
	anything             // any JSON value
	typed                // an object with an "@type"
)

// kinds are the messages with a mapping of their own.
var kinds = map[protoreflect.FullName]kind{
	"google.protobuf.Timestamp":   text,
	"google.protobuf.Duration":    text,
	"google.protobuf.FieldMask":   text,
	"google.protobuf.BoolValue":   wrapper,
	"google.protobuf.Int32Value":  wrapper,
	"google.protobuf.Int64Value":  wrapper,
	"google.protobuf.UInt32Value": wrapper,
	"google.protobuf.UInt64Value": wrapper,
	"google.protobuf.FloatValue":  wrapper,
	"google.protobuf.DoubleValue": wrapper,
	"google.protobuf.StringValue": wrapper,
	"google.protobuf.BytesValue":  wrapper,
	"google.protobuf.Struct":      object,
	"google.protobuf.ListValue":   list,
	"google.protobuf.Value":       anything,
	"google.protobuf.Any":         typed,
}

const nullValue protoreflect.FullName = "google.protobuf.NullValue"

// takesNull reports whether null is a value of a field like any other.
func takesNull(f protoreflect.FieldDescriptor) bool {
	if e := f.Enum(); e != nil {
		return e.FullName() == nullValue
	}
	return f.Message() != nil && kinds[f.Message().FullName()] == anything
}

// mapped reports whether a message is written by its mapping.
func (k kind) mapped(form Form) bool {
	switch k {
	case ordinary:
		return false
	case object, list, anything:
		return true // they have a oneof, or lead to one
	}
	return form == Body
}

// mapping writes a well-known type by its mapping.
func (w *writer) mapping(m protoreflect.Message) error {
	start := len(w.out)
	out, err := protojson.MarshalOptions{UseProtoNames: true, AllowPartial: true}.MarshalAppend(w.out, m.Interface())
	if err != nil {
		return err
	}
	w.out = tidy(out, start)
	return nil
}

// tidy removes the spaces between the tokens from start on, of which protojson
// adds some in one build and none in another, and escapes what HTML would take
// for its own.
func tidy(b []byte, start int) []byte {
	b = b[:start+len(Compact(b[start:]))]
	if !needsHTMLEscape(b[start:]) {
		return b
	}
	return append(b[:start], htmlEscaped(b[start:])...)
}

// mapped reads a well-known type, in its mapping or as its fields.
func (r *reader) mapped(k kind, p *plan, m protoreflect.Message, depth int) error {
	isObject := r.next() == '{'
	switch {
	case k == text && isObject:
		return r.fieldsOf(p, m, depth)
	case k == wrapper && isObject:
		return r.wellKnownFields(p, m, depth)
	case k == wrapper:
		return r.singular(m, p.fields[0].desc, depth)
	case k == typed && isObject:
		return r.any(p, m, depth)
	}
	return r.delegate(m, depth)
}

// delegate has protojson read the next value.
func (r *reader) delegate(m protoreflect.Message, depth int) error {
	r.next()
	from := r.at
	raw, err := r.skip(depth)
	if err != nil {
		return err
	}
	options := protojson.UnmarshalOptions{DiscardUnknown: true, AllowPartial: true, RecursionLimit: depth}
	if err := options.Unmarshal(raw, m.Interface()); err != nil {
		r.at = from
		return r.errorf("%s: %.200s", m.Descriptor().FullName(), err.Error())
	}
	return nil
}

// fieldsOf reads a message as its fields that its mapping makes a string of. In a
// body it refuses what the mapping could not say.
func (r *reader) fieldsOf(p *plan, m protoreflect.Message, depth int) error {
	if err := r.wellKnownFields(p, m, depth); err != nil {
		return err
	}
	if r.form == Envelope {
		return nil
	}
	if l, ok := limits[m.Descriptor().FullName()]; ok && !l.hold(m.Get(p.fields[0].desc).Int(), m.Get(p.fields[1].desc).Int()) {
		return r.errorf("%s out of range", m.Descriptor().FullName())
	}
	return nil
}

// limit is what the seconds and nanoseconds of a message may be.
type limit struct {
	min, max int64 // of the seconds
	signed   bool  // nanoseconds have the sign of the seconds
}

var limits = map[protoreflect.FullName]limit{
	"google.protobuf.Timestamp": {min: -62135596800, max: 253402300799}, // the years 1 to 9999
	"google.protobuf.Duration":  {min: -315576000000, max: 315576000000, signed: true},
}

func (l limit) hold(seconds, nanos int64) bool {
	if l.signed && nanos < 0 && seconds <= 0 {
		nanos = -nanos
	} else if l.signed && nanos > 0 && seconds < 0 {
		return false
	}
	return l.min <= seconds && seconds <= l.max && 0 <= nanos && nanos < 1e9
}

// wellKnownFields reads an object with the fields of a message that will never
// have others: in a body a name that it does not know is an error.
func (r *reader) wellKnownFields(p *plan, m protoreflect.Message, depth int) error {
	var seen set
	return r.object(func(name []byte) error {
		f := p.byName[string(name)]
		if f == nil {
			f = p.fold(name)
		}
		switch {
		case f == nil && r.form == Envelope:
			_, err := r.skip(depth - 1)
			return err
		case f == nil:
			return r.errorf("%s has no field %.80q", m.Descriptor().FullName(), name)
		}
		return r.field(m, f.desc, f.index, &seen, depth-1)
	})
}

// any reads an Any: an object with the type and the fields of the message in it,
// or else the fields of the Any itself.
func (r *reader) any(p *plan, m protoreflect.Message, depth int) error {
	from := r.at
	hasType, empty := false, true
	err := r.object(func(name []byte) error {
		hasType, empty = hasType || string(name) == "@type", false
		_, err := r.skip(depth - 1)
		return err
	})
	r.at = from
	switch {
	case err != nil:
		return err
	case hasType || empty:
		return r.delegate(m, depth)
	}
	if err := r.wellKnownFields(p, m, depth); err != nil {
		return err
	}
	if r.form == Body && m.Get(p.fields[0].desc).String() == "" {
		return r.errorf(`%s without "@type"`, m.Descriptor().FullName())
	}
	return nil
}
