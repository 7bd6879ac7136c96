package jsonmessage

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// writer appends JSON to out.
type writer struct {
	out  []byte
	form Form
}

func (w *writer) message(m protoreflect.Message) error {
	p := planOf(m.Descriptor())
	if p.kind.mapped(w.form) {
		return w.mapping(m)
	}
	w.out = append(w.out, '{')
	start := len(w.out)
	for i := range p.fields {
		f := &p.fields[i]
		if !m.Has(f.desc) {
			continue
		}
		w.comma(start)
		w.out = append(w.out, f.key...)
		if err := w.field(f.desc, m.Get(f.desc)); err != nil {
			return err
		}
	}
	if p.extensible {
		if err := w.extensions(m, start); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

// comma separates an element from the one before it, if there is one since
// start.
func (w *writer) comma(start int) {
	if len(w.out) > start {
		w.out = append(w.out, ',')
	}
}

// extensions writes the extensions of m in the order of their names.
func (w *writer) extensions(m protoreflect.Message, start int) error {
	set := map[string]protoreflect.FieldDescriptor{}
	m.Range(func(f protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		if f.IsExtension() {
			set[string(f.FullName())] = f
		}
		return true
	})
	for _, name := range slices.Sorted(maps.Keys(set)) {
		f := set[name]
		w.comma(start)
		w.out = append(append(append(w.out, `"[`...), name...), `]":`...)
		if err := w.field(f, m.Get(f)); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) field(f protoreflect.FieldDescriptor, v protoreflect.Value) error {
	switch {
	case f.IsList():
		return w.list(f, v.List())
	case f.IsMap():
		return w.mapOf(f, v.Map())
	}
	return w.value(f, v)
}

func (w *writer) list(f protoreflect.FieldDescriptor, l protoreflect.List) error {
	w.out = append(w.out, '[')
	start := len(w.out)
	for i := range l.Len() {
		w.comma(start)
		if err := w.value(f, l.Get(i)); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	return nil
}

// mapOf writes a map in the order of its keys as text.
func (w *writer) mapOf(f protoreflect.FieldDescriptor, m protoreflect.Map) error {
	type entry struct {
		key   string
		value protoreflect.Value
	}
	entries := make([]entry, 0, m.Len())
	ordered := make([]*entry, 0, m.Len())
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		entries = append(entries, entry{k.String(), v})
		ordered = append(ordered, &entries[len(entries)-1])
		return true
	})
	// By pointers: the code that sorts them is there, and is shared.
	slices.SortFunc(ordered, func(a, b *entry) int { return strings.Compare(a.key, b.key) })
	w.out = append(w.out, '{')
	for i, e := range ordered {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.text(f, e.key); err != nil {
			return err
		}
		w.out = append(w.out, ':')
		if err := w.value(f.MapValue(), e.value); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

// value writes one value of a field.
func (w *writer) value(f protoreflect.FieldDescriptor, v protoreflect.Value) error {
	switch f.Kind() {
	case protoreflect.BoolKind:
		w.out = strconv.AppendBool(w.out, v.Bool())
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind,
		protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		w.out = strconv.AppendInt(w.out, v.Int(), 10)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		w.out = strconv.AppendUint(w.out, v.Uint(), 10)
	case protoreflect.FloatKind:
		w.float(v.Float(), 32)
	case protoreflect.DoubleKind:
		w.float(v.Float(), 64)
	case protoreflect.EnumKind:
		w.enum(f.Enum(), v.Enum())
	case protoreflect.BytesKind:
		w.out = append(w.out, '"')
		w.out = base64.StdEncoding.AppendEncode(w.out, v.Bytes())
		w.out = append(w.out, '"')
	case protoreflect.StringKind:
		return w.text(f, v.String())
	default:
		return w.message(v.Message())
	}
	return nil
}

func (w *writer) enum(e protoreflect.EnumDescriptor, n protoreflect.EnumNumber) {
	if e.FullName() == nullValue {
		w.out = append(w.out, "null"...)
		return
	}
	w.out = strconv.AppendInt(w.out, int64(n), 10)
}

// float writes a number as encoding/json does, and what that refuses as the
// mapping does.
func (w *writer) float(n float64, bits int) {
	switch {
	case math.IsNaN(n):
		w.out = append(w.out, `"NaN"`...)
		return
	case math.IsInf(n, 1):
		w.out = append(w.out, `"Infinity"`...)
		return
	case math.IsInf(n, -1):
		w.out = append(w.out, `"-Infinity"`...)
		return
	}
	if size := math.Abs(n); n == 0 || 1e-5 < size && size < 1e20 {
		w.out = strconv.AppendFloat(w.out, n, 'f', -1, bits)
		return
	}
	var b []byte // with an exponent, whose form is encoding/json's
	if bits == 32 {
		b, _ = json.Marshal(float32(n))
	} else {
		b, _ = json.Marshal(n)
	}
	w.out = append(w.out, b...)
}

// text writes a string of a field.
func (w *writer) text(f protoreflect.FieldDescriptor, s string) error {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return w.escaped(f, s)
		}
	}
	w.out = append(append(append(w.out, '"'), s...), '"')
	return nil
}

// escaped writes a string in which there is something to escape.
func (w *writer) escaped(f protoreflect.FieldDescriptor, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("field %s contains invalid UTF-8", f.FullName())
	}
	b, err := json.Marshal(s)
	w.out = append(w.out, b...)
	return err
}

// Compact removes the spaces between tokens in place.
func Compact(b []byte) []byte {
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

// needsHTMLEscape reports whether json.HTMLEscape would change b.
func needsHTMLEscape(b []byte) bool {
	return bytes.ContainsAny(b, "<>&\u2028\u2029")
}

func htmlEscaped(b []byte) []byte {
	var out bytes.Buffer
	json.HTMLEscape(&out, b)
	return out.Bytes()
}
