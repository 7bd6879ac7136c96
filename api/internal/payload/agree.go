package payload

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/justcy/go-micro/v4/api/internal/pathfield"
)

// agree refuses an object that has another value than the path for one of its
// fields. Names are compared as encoding/json does, to which "ID" is "id".
func agree(object map[string]any, fields []pathfield.Field, types Types) error {
	for _, f := range fields {
		path := strings.Split(f.Name, ".")
		if contradicts(object, path, f.Value, types.pathValue(path, f.Value)) {
			return fmt.Errorf("the request has another value for the field %q than its path", f.Name)
		}
	}
	return nil
}

// contradicts reports whether an object has another value at a path than the one
// given, which is made of a text.
func contradicts(object map[string]any, path []string, text string, given any) bool {
	for name, value := range object {
		if !strings.EqualFold(name, path[0]) {
			continue
		}
		if len(path) == 1 {
			if !means(value, text) && !reflect.DeepEqual(value, given) {
				return true
			}
			continue
		}
		if inner, ok := value.(map[string]any); !ok || contradicts(inner, path[1:], text, given) {
			return true
		}
	}
	return false
}

// means reports whether a value is that of a text.
func means(value any, text string) bool {
	switch v := value.(type) {
	case string:
		return v == text
	case json.Number:
		return v.String() == text
	case bool:
		return strconv.FormatBool(v) == text
	}
	return false
}
