package json

import (
	"encoding/json"
	"maps"
	"slices"
)

// encode returns a parsed value as encoding/json does, without its cost of
// finding out what the value is made of.
func encode(v any) []byte { return appendValue(nil, v) }

func appendValue(out []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		return appendObject(out, v)
	case []any:
		return appendArray(out, v)
	case string:
		return appendString(out, v)
	case json.Number:
		return append(out, v...)
	case bool:
		if v {
			return append(out, "true"...)
		}
		return append(out, "false"...)
	default: // there is nothing else than null
		return append(out, "null"...)
	}
}

func appendObject(out []byte, object map[string]any) []byte {
	out = append(out, '{')
	for i, key := range slices.Sorted(maps.Keys(object)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(appendString(out, key), ':')
		out = appendValue(out, object[key])
	}
	return append(out, '}')
}

func appendArray(out []byte, array []any) []byte {
	out = append(out, '[')
	for i, element := range array {
		if i > 0 {
			out = append(out, ',')
		}
		out = appendValue(out, element)
	}
	return append(out, ']')
}

// appendString leaves strings with anything but plain text to encoding/json.
func appendString(out []byte, s string) []byte {
	for i := range len(s) {
		if !plainText[s[i]] {
			quoted, err := json.Marshal(s)
			if err != nil {
				quoted = []byte(`""`) // no string fails to marshal
			}
			return append(out, quoted...)
		}
	}
	out = append(out, '"')
	out = append(out, s...)
	return append(out, '"')
}

// plainText holds the bytes that are written in a string as they are.
var plainText = func() (plain [256]bool) {
	for b := byte(' '); b <= '~'; b++ {
		plain[b] = b != '"' && b != '\\' && b != '<' && b != '>' && b != '&'
	}
	return plain
}()
