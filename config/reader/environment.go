package reader

import (
	"bytes"
	"encoding/json"
	"os"
)

// ReplaceEnvVars replaces every ${NAME} in a JSON text by the environment
// variable of that name, or by nothing if it is not set. A NAME is made of
// letters, digits and underscores; everything else is left as it is. The
// variable's text is escaped for use within a JSON string, so that it can
// neither end the string nor add keys. The error is always nil.
func ReplaceEnvVars(raw []byte) ([]byte, error) {
	var out []byte
	rest := raw
	for {
		before, name, after, found := cutPlaceholder(rest)
		if !found {
			break
		}
		out = append(out, before...)
		out = append(out, escape(os.Getenv(name))...)
		rest = after
	}
	if out == nil {
		return raw, nil
	}
	return append(out, rest...), nil
}

var opening = []byte("${")

// cutPlaceholder splits raw around its first placeholder.
func cutPlaceholder(raw []byte) (before []byte, name string, after []byte, found bool) {
	for at := 0; ; {
		i := bytes.Index(raw[at:], opening)
		if i < 0 {
			return raw, "", nil, false
		}
		start := at + i + len(opening)
		end := start
		for end < len(raw) && isNameByte(raw[end]) {
			end++
		}
		if end > start && end < len(raw) && raw[end] == '}' {
			return raw[:at+i], string(raw[start:end]), raw[end+1:], true
		}
		at = start
	}
}

func isNameByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// escape returns s as it is written between the quotes of a JSON string.
func escape(s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		return nil // no string fails to marshal
	}
	return quoted[1 : len(quoted)-1]
}
