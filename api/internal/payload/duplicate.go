package payload

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// manyNames is how many names of an object are compared one by one.
const manyNames = 16

// scope is an object or array around the place that is read.
type scope struct {
	object bool
	name   bool // a name follows
	first  int  // where the names of the object begin
	seen   map[string]bool
}

// duplicate returns a name that an object in valid JSON has twice.
func duplicate(body []byte) (name string, found bool) {
	var scopes []scope
	var names [][]byte // of all objects around
	for i := 0; i < len(body); i++ {
		var top *scope
		if len(scopes) > 0 {
			top = &scopes[len(scopes)-1]
		}
		switch body[i] {
		case '{', '[':
			scopes = append(scopes, scope{object: body[i] == '{', name: body[i] == '{', first: len(names)})
		case '}', ']':
			names = names[:top.first]
			scopes = scopes[:len(scopes)-1]
		case ',':
			top.name = top.object
		case '"':
			end := stringEnd(body, i)
			if top != nil && top.name {
				top.name = false
				text := unquoted(body[i:end])
				if top.has(names, text) {
					return string(text), true
				}
				names = append(names, text)
			}
			i = end - 1
		}
	}
	return "", false
}

// stringEnd returns where the string that starts at i ends.
func stringEnd(body []byte, i int) int {
	for i++; body[i] != '"'; i++ {
		if body[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// unquoted is the text of a string, which is mostly what stands between its
// quotes.
func unquoted(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 && utf8.Valid(quoted) {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return quoted
	}
	return []byte(s)
}

// has reports whether the object has the name already. From a number of names on
// it keeps them in a map.
func (s *scope) has(names [][]byte, name []byte) bool {
	own := names[s.first:]
	if len(own) < manyNames {
		for _, n := range own {
			if bytes.Equal(n, name) {
				return true
			}
		}
		return false
	}
	if s.seen == nil {
		s.seen = make(map[string]bool, 2*manyNames)
		for _, n := range own {
			s.seen[string(n)] = true
		}
	}
	if s.seen[string(name)] {
		return true
	}
	s.seen[string(name)] = true
	return false
}
