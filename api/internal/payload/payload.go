// Package payload makes one JSON document of what an HTTP request says in its
// path, its query and its body.
package payload

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/justcy/go-micro/v4/api/internal/pathfield"
	"github.com/justcy/go-micro/v4/util/qson"
)

// ErrNotJSON is returned for a body that should be JSON.
var ErrNotJSON = errors.New("the body is not valid JSON")

// Of returns what a request says to an endpoint whose request has the types:
//
// The fields that the path captures, and the query over which they go, are the
// payload of GET. The body of POST, PUT, PATCH and DELETE is merged over them, at
// the field that a wrapper named as its destination or as the whole; one that is
// no JSON is taken as it is, or as base64 with a destination. Of other methods the
// payload is empty. An object in which the body has another value for a field of the
// path is refused.
func Of(r *http.Request, body []byte, types Types) ([]byte, error) {
	switch r.Method {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return nil, nil
	}
	fields, destination := pathfield.Of(r.Context())
	if r.Method != http.MethodGet && len(fields) == 0 && r.URL.RawQuery == "" && isWhole(destination) {
		return alone(body)
	}
	object, err := parameters(r.URL.RawQuery, fields, types)
	if err != nil {
		return nil, err
	}
	if r.Method == http.MethodGet {
		if len(object) == 0 && !strings.Contains(r.Header.Get("Content-Type"), "application/json") {
			return nil, nil
		}
		return encode(object, fields, types)
	}
	if len(body) == 0 {
		body = []byte("{}")
	}
	if isWhole(destination) && !json.Valid(body) {
		return body, nil
	}
	merged, err := withBody(object, body, destination)
	if err != nil {
		return nil, err
	}
	return encode(merged, fields, types)
}

// isWhole reports whether a body is the payload, and not one of its fields.
func isWhole(destination string) bool { return destination == "" || destination == "*" }

// encode is a payload as JSON, unless it contradicts the path.
func encode(merged any, fields []pathfield.Field, types Types) ([]byte, error) {
	if object, ok := merged.(map[string]any); ok {
		if err := agree(object, fields, types); err != nil {
			return nil, err
		}
	}
	return json.Marshal(merged)
}

// alone is the payload of a body with nothing to merge it with.
func alone(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return []byte("{}"), nil
	}
	if !json.Valid(body) {
		return body, nil
	}
	return body, check(body)
}

// IsObject reports whether a body is an object of JSON.
func IsObject(body []byte) bool {
	trimmed := bytes.TrimLeft(body, " \t\r\n")
	return len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(body)
}

// check refuses JSON that means different things to different readers.
func check(body []byte) error {
	if c := bytes.TrimLeft(body, " \t\r\n")[0]; c != '{' && c != '[' {
		return errors.New("the body is neither an object nor an array of JSON")
	}
	return unique(body)
}

// unique refuses valid JSON in which an object has a name twice.
func unique(body []byte) error {
	if name, found := duplicate(body); found {
		return fmt.Errorf("the body has the field %q twice", name)
	}
	return nil
}

// parameters is the object of a query and of the fields of a path. Names with
// dots are objects in objects.
func parameters(query string, fields []pathfield.Field, types Types) (map[string]any, error) {
	object := map[string]any{}
	if query != "" {
		flat, err := qson.Object(query, types.queryValue)
		if err != nil {
			return nil, err
		}
		for _, name := range slices.Sorted(maps.Keys(flat)) {
			if err := qson.Merge(object, strings.Split(name, "."), flat[name]); err != nil {
				return nil, fmt.Errorf("parameter %q: %w", name, err)
			}
		}
	}
	for _, f := range fields {
		path := strings.Split(f.Name, ".")
		set(object, path, types.pathValue(path, f.Value))
	}
	return object, nil
}

// set puts a value into an object, in place of whatever is in its way.
func set(object map[string]any, path []string, value any) {
	for _, name := range path[:len(path)-1] {
		inner, ok := object[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			object[name] = inner
		}
		object = inner
	}
	object[path[len(path)-1]] = value
}

// withBody merges a body over an object, which the body replaces if it is none.
func withBody(object map[string]any, body []byte, destination string) (any, error) {
	var value any = base64.StdEncoding.EncodeToString(body)
	if json.Valid(body) {
		var err error
		if value, err = decode(body); err != nil {
			return nil, err
		}
		if isWhole(destination) {
			err = check(body)
		} else {
			err = unique(body)
		}
		if err != nil {
			return nil, err
		}
	}
	if isWhole(destination) {
		return over(object, value), nil
	}
	placed := map[string]any{}
	set(placed, strings.Split(destination, "."), value)
	return over(object, placed), nil
}

// over merges b over a: objects are joined, everything else replaced.
func over(a, b any) any {
	into, ok := a.(map[string]any)
	from, also := b.(map[string]any)
	if !ok || !also {
		return b
	}
	for name, value := range from {
		if old, there := into[name]; there {
			value = over(old, value)
		}
		into[name] = value
	}
	return into
}

// decode reads one value of JSON without loss of precision.
func decode(body []byte) (value any, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotJSON, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrNotJSON
	}
	return value, nil
}
