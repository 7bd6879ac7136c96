package jsonmessage

import (
	"bytes"
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// scalar reads a value of a field that is no message. It is not valid for the
// name of an enum value that the enum does not have.
func (r *reader) scalar(f protoreflect.FieldDescriptor) (v protoreflect.Value, err error) {
	c := r.next()
	from := r.at
	ok := true
	switch kind := f.Kind(); kind {
	case protoreflect.BoolKind:
		if ok = r.word("true"); ok {
			return protoreflect.ValueOfBool(true), nil
		}
		v, ok = protoreflect.ValueOfBool(false), r.word("false")
	case protoreflect.EnumKind:
		v, ok, err = r.enum(f.Enum(), c)
	case protoreflect.StringKind, protoreflect.BytesKind:
		var text []byte
		if text, err = r.string(); err == nil && kind == protoreflect.StringKind {
			v = protoreflect.ValueOfString(string(text))
		} else if err == nil {
			v, ok = decodeBytes(text)
		}
	default:
		var text []byte
		if text, err = r.numberText(c); err == nil {
			v, ok = number(kind, text)
		}
	}
	if err == nil && !ok {
		r.at = from
		err = r.unexpected("a value of " + string(f.FullName()))
	}
	return v, err
}

// numberText reads a number or a string, and returns what the number is in.
func (r *reader) numberText(c byte) ([]byte, error) {
	if c == '"' {
		return r.string()
	}
	return r.number()
}

// number makes a value of a kind of the text of a number.
func number(k protoreflect.Kind, text []byte) (protoreflect.Value, bool) {
	switch k {
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, ok := integer(text, 32)
		return protoreflect.ValueOfInt32(int32(n)), ok
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		n, ok := integer(text, 64)
		return protoreflect.ValueOfInt64(n), ok
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, ok := unsigned(text, 32)
		return protoreflect.ValueOfUint32(uint32(n)), ok
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, ok := unsigned(text, 64)
		return protoreflect.ValueOfUint64(n), ok
	case protoreflect.FloatKind:
		n, ok := float(text, 32)
		return protoreflect.ValueOfFloat32(float32(n)), ok
	}
	n, ok := float(text, 64)
	return protoreflect.ValueOfFloat64(n), ok
}

func integer(text []byte, bits int) (int64, bool) {
	whole, ok := whole(text)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(whole, 10, bits)
	return n, err == nil
}

func unsigned(text []byte, bits int) (uint64, bool) {
	whole, ok := whole(text)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(whole, 10, bits)
	return n, err == nil
}

// whole returns a JSON number that is an integer in plain digits: 1.5e1 is 15.
func whole(text []byte) (string, bool) {
	if !isNumber(text) {
		return "", false
	}
	const maxDigits = 20 // of a 64-bit integer
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(text)), "e")
	integer, fraction, _ := strings.Cut(mantissa, ".")
	if exponent == "" && fraction == "" {
		return integer, true
	}
	shift, err := strconv.Atoi("0" + strings.TrimLeft(exponent, "+-"))
	if err != nil {
		return "", false
	}
	if strings.HasPrefix(exponent, "-") {
		shift = -shift
	}
	sign, digits := "", integer+fraction
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	significant := strings.TrimRight(digits, "0")
	shift += len(digits) - len(significant) - len(fraction)
	significant = strings.TrimLeft(significant, "0")
	switch {
	case significant == "":
		return "0", true
	case shift < 0 || len(significant)+shift > maxDigits:
		return "", false
	}
	return sign + significant + strings.Repeat("0", shift), true
}

// isNumber reports whether all of text is a JSON number.
func isNumber(text []byte) bool {
	s := scanner{data: text}
	if len(text) == 0 || text[0] != '-' && (text[0] < '0' || text[0] > '9') {
		return false
	}
	_, err := s.number()
	return err == nil && s.at == len(text)
}

func float(text []byte, bits int) (float64, bool) {
	switch string(text) {
	case "NaN":
		return math.NaN(), true
	case "Infinity":
		return math.Inf(1), true
	case "-Infinity":
		return math.Inf(-1), true
	}
	if !isNumber(text) {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(text), bits)
	return n, err == nil
}

// decodeBytes decodes base64 of either alphabet, with or without padding.
func decodeBytes(text []byte) (protoreflect.Value, bool) {
	encoding := base64.StdEncoding
	if bytes.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	if len(text)%4 != 0 {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	b := make([]byte, encoding.DecodedLen(len(text)))
	n, err := encoding.Decode(b, text)
	return protoreflect.ValueOfBytes(b[:n]), err == nil
}

// enum reads a number or a name. A name that the enum does not have gives no
// value; what cannot be a name is not ok.
func (r *reader) enum(e protoreflect.EnumDescriptor, c byte) (v protoreflect.Value, ok bool, err error) {
	switch {
	case c == 'n' && e.FullName() == nullValue && r.word("null"):
		return protoreflect.ValueOfEnum(0), true, nil
	case c != '"':
		text, err := r.number()
		if err != nil {
			return v, false, err
		}
		n, ok := integer(text, 32)
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(n)), ok, nil
	}
	name, err := r.string()
	if err != nil {
		return v, false, err
	}
	if known := e.Values().ByName(protoreflect.Name(name)); known != nil {
		return protoreflect.ValueOfEnum(known.Number()), true, nil
	}
	return v, protoreflect.Name(name).IsValid(), nil
}

// zero is the value of an empty element.
func zero(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("")
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(nil)
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(false)
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(0)
	}
	v, _ := number(f.Kind(), []byte("0"))
	return v
}

// mapKey makes the key of a map of its text.
func mapKey(k protoreflect.Kind, text string) (protoreflect.MapKey, bool) {
	switch k {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text).MapKey(), true
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(text == "true").MapKey(), text == "true" || text == "false"
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)).MapKey(), err == nil
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, err := strconv.ParseUint(text, 10, 32)
		return protoreflect.ValueOfUint32(uint32(n)).MapKey(), err == nil
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := strconv.ParseUint(text, 10, 64)
		return protoreflect.ValueOfUint64(n).MapKey(), err == nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return protoreflect.ValueOfInt64(n).MapKey(), err == nil
}
