package json

import (
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scan decodes a parsed value into target by the rules of encoding/json. Beyond
// them it reads text as the accessors of a Value do: into numbers, booleans and
// durations. Environment variables and flags have no other form than text.
func scan(v, target any) error {
	return json.Unmarshal(encode(shape(v, reflect.TypeOf(target))), target)
}

var (
	durationType    = reflect.TypeFor[time.Duration]()
	unmarshalerType = reflect.TypeFor[json.Unmarshaler]()
	textType        = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// shape returns v with its text in the form in which encoding/json wants it for
// a value of type t; v itself is not changed. What cannot be converted stays as
// it is: that is for encoding/json to refuse.
func shape(v any, t reflect.Type) any {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || reflect.PointerTo(t).Implements(unmarshalerType) || reflect.PointerTo(t).Implements(textType) {
		return v
	}
	switch v := v.(type) {
	case string:
		return shapeText(v, t)
	case []any:
		return shapeArray(v, t)
	case map[string]any:
		return shapeObject(v, t)
	}
	return v
}

func shapeText(text string, t reflect.Type) any {
	if t == durationType {
		if d, err := time.ParseDuration(text); err == nil {
			return json.Number(strconv.FormatInt(int64(d), 10))
		}
		return text
	}
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if i, err := strconv.ParseInt(text, 10, 64); err == nil {
			return json.Number(strconv.FormatInt(i, 10))
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		if i, err := strconv.ParseUint(text, 10, 64); err == nil {
			return json.Number(strconv.FormatUint(i, 10))
		}
	case reflect.Float32, reflect.Float64:
		if f, err := strconv.ParseFloat(text, 64); err == nil && f-f == 0 { // neither infinite nor no number
			return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
		}
	case reflect.Bool:
		if b, err := strconv.ParseBool(text); err == nil {
			return b
		}
	}
	return text
}

func shapeArray(array []any, t reflect.Type) any {
	if t.Kind() != reflect.Slice && t.Kind() != reflect.Array {
		return array
	}
	shaped := make([]any, len(array))
	for i, element := range array {
		shaped[i] = shape(element, t.Elem())
	}
	return shaped
}

func shapeObject(object map[string]any, t reflect.Type) any {
	var typeOf func(key string) reflect.Type
	switch t.Kind() {
	case reflect.Map:
		typeOf = func(string) reflect.Type { return t.Elem() }
	case reflect.Struct:
		fields := reflect.VisibleFields(t)
		typeOf = func(key string) reflect.Type { return fieldType(fields, key) }
	default:
		return object
	}
	shaped := make(map[string]any, len(object))
	for key, element := range object {
		shaped[key] = shape(element, typeOf(key))
	}
	return shaped
}

// fieldType is the type of the field that encoding/json fills with the value of
// a key: the one of that name, or else one whose name differs in its case. It is
// nil when there is none, and when the field's tag asks for text.
func fieldType(fields []reflect.StructField, key string) reflect.Type {
	var similar reflect.Type
	for _, f := range fields {
		name, asText, ok := fieldName(f)
		if !ok || !strings.EqualFold(name, key) {
			continue
		}
		t := f.Type
		if asText {
			t = nil
		}
		if name == key {
			return t
		}
		if similar == nil {
			similar = t
		}
	}
	return similar
}

// fieldName is the name a field has in JSON, if it has one.
func fieldName(f reflect.StructField) (name string, asText, ok bool) {
	tag := f.Tag.Get("json")
	name, options, _ := strings.Cut(tag, ",")
	if !f.IsExported() || tag == "-" {
		return "", false, false
	}
	if name == "" {
		name = f.Name
	}
	return name, slices.Contains(strings.Split(options, ","), "string"), true
}
