package json

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// value is what was found at a path of a document.
type value struct {
	data  any
	found bool
	path  []string
}

func (v *value) Bool(def bool) bool {
	switch data := v.data.(type) {
	case bool:
		return data
	case string:
		if b, err := strconv.ParseBool(data); err == nil {
			return b
		}
	}
	return def
}

func (v *value) Int(def int) int {
	switch data := v.data.(type) {
	case json.Number:
		if i, ok := integer(string(data)); ok {
			return i
		}
	case string:
		if i, err := strconv.Atoi(data); err == nil {
			return i
		}
	}
	return def
}

// exact bounds the integers that every float64 of their size can tell apart.
const exact = 1 << 53

// integer reads an integral number in any of the ways JSON has to write it.
func integer(text string) (int, bool) {
	if i, err := strconv.Atoi(text); err == nil {
		return i, true
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact {
		return 0, false
	}
	return int(f), int64(int(f)) == int64(f)
}

func (v *value) Float64(def float64) float64 {
	var text string
	switch data := v.data.(type) {
	case json.Number:
		text = string(data)
	case string:
		text = data
	default:
		return def
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		return f
	}
	return def
}

func (v *value) String(def string) string {
	if s, ok := v.data.(string); ok {
		return s
	}
	return def
}

func (v *value) Duration(def time.Duration) time.Duration {
	if s, ok := v.data.(string); ok {
		if d, err := time.ParseDuration(s); err == nil {
			return d
		}
	}
	return def
}

// StringSlice splits a string at its commas; the empty string is one element.
// In an array null counts as an empty string.
func (v *value) StringSlice(def []string) []string {
	switch data := v.data.(type) {
	case string:
		return strings.Split(data, ",")
	case []any:
		if s, ok := stringsOf(data); ok {
			return s
		}
	}
	return def
}

func stringsOf(array []any) ([]string, bool) {
	s := make([]string, len(array))
	for i, element := range array {
		text, ok := element.(string)
		if !ok && element != nil {
			return nil, false
		}
		s[i] = text
	}
	return s, true
}

func (v *value) StringMap(def map[string]string) map[string]string {
	object, ok := v.data.(map[string]any)
	if !ok {
		return def
	}
	m := make(map[string]string, len(object))
	for key, element := range object {
		m[key] = fmt.Sprint(element)
	}
	return m
}

func (v *value) Scan(target any) error {
	if !v.found {
		return nil
	}
	if err := scan(v.data, target); err != nil {
		return fmt.Errorf("scan %s into %T: %w", strings.Join(v.path, "."), target, err)
	}
	return nil
}

func (v *value) Bytes() []byte {
	if s, ok := v.data.(string); ok {
		return []byte(s)
	}
	return encode(v.data)
}
