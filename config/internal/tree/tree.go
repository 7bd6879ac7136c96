// Package tree builds nested objects from flat lists of settings, such as
// environment variables and flags, of which the earlier wins.
package tree

import (
	"cmp"
	"slices"
	"strings"
)

// Setting is one value and where it belongs.
type Setting struct {
	Path  []string // at least one key
	Value any
	Unset bool // a default: it gives way to everything else
}

// Build nests the settings. Of two that exclude each other, because they have
// the same path or one lies below the other, the earlier wins, unless its value
// is zero. One that is unset loses against all that are set, and against
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
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case int:
		return v == 0
	default:
		return false
	}
}

// Split returns the keys in the name of a flag: its parts between dashes and
// underscores, in lower case. It is nil for a name without any.
func Split(name string) []string {
	return strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' })
}
