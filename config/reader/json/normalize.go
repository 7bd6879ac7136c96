package json

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// normalize turns what an encoder of another format decoded into what parse
// returns. Keys of maps become strings; numbers that JSON cannot express, and
// nesting that is too deep, are errors that name their path.
func normalize(v any) (any, error) { return normalizeAt(v, nil) }

func normalizeAt(v any, path []string) (any, error) {
	if len(path) > maxDepth {
		return nil, fmt.Errorf("%s…: %w", strings.Join(path[:8], "."), errTooDeep)
	}
	switch v := v.(type) {
	case nil, string, bool, json.Number:
		return v, nil
	case map[string]any:
		return normalizeMap(v, path, func(k string) string { return k })
	case map[any]any:
		return normalizeMap(v, path, func(k any) string { return fmt.Sprint(k) })
	case []any:
		return normalizeSlice(v, path)
	case []map[string]any:
		return normalizeSlice(v, path)
	case int:
		return json.Number(strconv.Itoa(v)), nil
	case int64:
		return json.Number(strconv.FormatInt(v, 10)), nil
	case uint64:
		return json.Number(strconv.FormatUint(v, 10)), nil
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, fmt.Errorf("%s: %v is no number in json", strings.Join(path, "."), v)
		}
	}
	return throughJSON(v, path)
}

func normalizeMap[K comparable](m map[K]any, path []string, text func(K) string) (any, error) {
	plain := make(map[string]any, len(m))
	for key, element := range m {
		k := text(key)
		value, err := normalizeAt(element, append(path, k))
		if err != nil {
			return nil, err
		}
		plain[k] = value
	}
	return plain, nil
}

func normalizeSlice[E any](s []E, path []string) (any, error) {
	plain := make([]any, len(s))
	for i, element := range s {
		value, err := normalizeAt(element, append(path, strconv.Itoa(i)))
		if err != nil {
			return nil, err
		}
		plain[i] = value
	}
	return plain, nil
}

// throughJSON normalizes values of other types, such as times.
func throughJSON(v any, path []string) (any, error) {
	data, err := json.Marshal(v)
	if err == nil {
		v, err = parse(data)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(path, "."), err)
	}
	return v, nil
}
