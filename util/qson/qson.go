// Package qson turns URL queries into JSON, so that they can be decoded into
// the same structures as request bodies.
//
// Brackets in names nest: a[b][c]=1 is {"a":{"b":{"c":1}}} and a[]=1&a[]=2 is
// {"a":[1,2]}. A value that is valid JSON stands for itself, anything else is a
// string. Of several values for one name the last wins, while arrays grow and
// objects merge.
package qson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// ErrInvalidParam is returned for a parameter without a value, or whose name
// has brackets that do not match.
var ErrInvalidParam = errors.New("qson: invalid url query param provided")

// maxDepth bounds how deep a name may nest.
const maxDepth = 256

// Unmarshal decodes a URL query into dst as json.Unmarshal would its JSON.
func Unmarshal(dst any, query string) error {
	b, err := ToJSON(query)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, dst)
}

// ToJSON returns a URL query as a JSON object with sorted keys.
func ToJSON(query string) ([]byte, error) {
	object, err := Object(query, func(_ []string, text string) any { return Literal(text) })
	if err != nil {
		return nil, err
	}
	return json.Marshal(object)
}

// Object returns a URL query as an object. The value of each parameter is what
// literal makes of its text; path has the steps of its name, as "a", "b" and ""
// of a[b][], and belongs to the caller. Arrays and objects that literal returns
// are merged as those of the query are.
func Object(query string, literal func(path []string, text string) any) (map[string]any, error) {
	root := map[string]any{}
	for more := true; more; {
		var param string
		param, query, more = strings.Cut(query, "&")
		path, text, err := parse(param)
		if err != nil {
			return nil, err
		}
		if err := Merge(root, path, literal(path, text)); err != nil {
			return nil, fmt.Errorf("qson: parameter %q: %w", param, err)
		}
	}
	return root, nil
}

// Merge puts a value into an object under the steps of a name. It returns an
// error when there is a value of another shape.
func Merge(object map[string]any, path []string, value any) error {
	_, err := merge(object, nest(path, value))
	return err
}

// parse splits a parameter at its last equals sign and returns the steps of its
// name and its value.
func parse(param string) (path []string, text string, err error) {
	eq := strings.LastIndexByte(param, '=')
	if eq < 0 {
		return nil, "", ErrInvalidParam
	}
	name, err := url.QueryUnescape(param[:eq])
	if err != nil {
		return nil, "", fmt.Errorf("qson: name of %q: %w", param, err)
	}
	text, err = url.QueryUnescape(param[eq+1:])
	if err != nil {
		return nil, "", fmt.Errorf("qson: value of %q: %w", param, err)
	}
	if path, err = steps(name); err != nil {
		return nil, "", fmt.Errorf("%w: %q", err, param)
	}
	return path, text, nil
}

// steps splits a[b][] into "a", "b" and "".
func steps(name string) ([]string, error) {
	first, rest, nested := strings.Cut(name, "[")
	if strings.Contains(first, "]") {
		return nil, ErrInvalidParam
	}
	path := []string{first}
	for nested {
		step, after, closed := strings.Cut(rest, "]")
		if !closed || strings.Contains(step, "[") || len(path) == maxDepth {
			return nil, ErrInvalidParam
		}
		path = append(path, step)
		if after == "" {
			break
		}
		if rest, closed = strings.CutPrefix(after, "["); !closed {
			return nil, ErrInvalidParam
		}
	}
	return path, nil
}

// Literal returns the value of JSON text, and other text as it is. Numbers are
// json.Numbers, which keep their precision.
func Literal(text string) any {
	if !json.Valid([]byte(text)) {
		return text
	}
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return text
	}
	return v
}

// nest wraps the value in an object for every step, or in an array for an empty
// one that is not the first.
func nest(path []string, value any) any {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == "" && i > 0 {
			value = []any{value}
		} else {
			value = map[string]any{path[i]: value}
		}
	}
	return value
}

// merge returns the values in one: objects are joined, arrays appended, and of
// other values the second is taken.
func merge(a, b any) (any, error) {
	switch b := b.(type) {
	case map[string]any:
		if a, ok := a.(map[string]any); ok {
			return a, mergeObjects(a, b)
		}
		return nil, errors.New("an object where there is another value already")
	case []any:
		if a, ok := a.([]any); ok {
			return append(a, b...), nil
		}
		return nil, errors.New("an array where there is another value already")
	}
	switch a.(type) {
	case map[string]any, []any:
		return nil, errors.New("a value where there is an object or array already")
	}
	return b, nil
}

func mergeObjects(a, b map[string]any) error {
	for key, value := range b {
		old, ok := a[key]
		if !ok {
			a[key] = value
			continue
		}
		merged, err := merge(old, value)
		if err != nil {
			return err
		}
		a[key] = merged
	}
	return nil
}
