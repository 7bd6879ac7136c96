// Package tree builds nested objects from flat lists of settings, such as
// environment variables and flags, of which the earlier wins.
package tree

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Setting is one value and where it belongs.
type Setting struct {
	Path  []string // at least one key
	Value any      // text, or a list of texts
	Unset bool     // a default: it gives way to everything else
}

// Build nests the settings. Of two that exclude each other, because they have
// the same path or one lies below the other, the earlier wins, unless its value
// is empty, 0 or false. One that is unset loses against all that are set, and against
// unset ones below it.
func Build(settings []Setting) map[string]any {
	ordered := slices.Clone(settings)
	slices.SortStableFunc(ordered, func(a, b Setting) int {
		if a.Unset && b.Unset {
			return cmp.Compare(len(b.Path), len(a.Path))
		}
		return cmp.Compare(rank(a), rank(b))
	})
	root := map[string]any{}
	for _, s := range ordered {
		insert(root, s)
	}
	return root
}

func rank(s Setting) int {
	if s.Unset {
		return 1
	}
	return 0
}

func insert(object map[string]any, s Setting) {
	if s.Unset && blocked(object, s.Path) {
		return
	}
	last := len(s.Path) - 1
	for _, key := range s.Path[:last] {
		nested, ok := object[key].(map[string]any)
		if !ok {
			if !isZero(object[key]) {
				return
			}
			nested = map[string]any{}
			object[key] = nested
		}
		object = nested
	}
	key := s.Path[last]
	if isZero(object[key]) {
		object[key] = s.Value
	}
}

// blocked reports whether anything is at path or in its way, even a zero.
func blocked(object map[string]any, path []string) bool {
	for _, key := range path {
		at, found := object[key]
		if !found {
			return false
		}
		nested, ok := at.(map[string]any)
		if !ok {
			return true
		}
		object = nested
	}
	return true
}

func isZero(v any) bool {
	text, ok := v.(string)
	if !ok {
		return v == nil
	}
	if i, err := strconv.Atoi(text); err == nil {
		return i == 0
	}
	b, err := strconv.ParseBool(text)
	return text == "" || err == nil && !b
}

// Text returns a scalar as it is written: booleans, numbers and durations the way
// Go's flags print them, and floating-point numbers without an exponent where
// JSON has none.
func Text(v any) string {
	switch v := v.(type) {
	case float64:
		if text, err := json.Marshal(v); err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(v)
}

// Parts returns the keys in a name, in lower case: its parts between separators,
// empty ones included.
func Parts(name, separator string) []string {
	return strings.Split(strings.ToLower(name), strings.ToLower(separator))
}

// Split returns the keys in the name of a flag, in lower case: its parts between
// separators or, if none is given, between dashes and underscores. It is nil for
// a name without any.
func Split(name, separator string) []string {
	if separator != "" {
		return slices.DeleteFunc(Parts(name, separator), func(key string) bool { return key == "" })
	}
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' })
}
