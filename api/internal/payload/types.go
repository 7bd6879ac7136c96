package payload

import (
	"encoding/json"
	"strings"

	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/util/qson"
)

// Types are those of the fields of a request, as the registry has them. With them
// a text of digits is a string where the service expects one, and a number where
// it expects that. Of what they do not say the text decides.
type Types struct {
	versions []*registry.Service
	endpoint string
}

// TypesOf returns the types of the endpoint's request in the first version that
// has it. They are looked for when they are needed.
func TypesOf(versions []*registry.Service, endpoint string) Types {
	return Types{versions, endpoint}
}

// request is the type of the request, nil if the registry does not say it.
func (t Types) request() *registry.Value {
	for _, version := range t.versions {
		for _, e := range version.Endpoints {
			if e != nil && e.Name == t.endpoint && e.Request != nil {
				return e.Request
			}
		}
	}
	return nil
}

// of returns the type of a field, empty when it is not known. An empty step
// stands for the elements of an array.
func (t Types) of(path []string) string {
	v, elements := t.request(), 0
	for _, name := range path {
		if name == "" {
			elements++
			continue
		}
		if v = field(v, name); v == nil {
			return ""
		}
	}
	if v == nil {
		return ""
	}
	kind := v.Type
	for range elements {
		kind = strings.TrimPrefix(kind, "[]")
	}
	return kind
}

func field(v *registry.Value, name string) *registry.Value {
	if v == nil {
		return nil
	}
	for _, f := range v.Values {
		if f != nil && f.Name == name {
			return f
		}
	}
	return nil
}

// queryValue is the value of a parameter of a query. The names in path may have
// dots.
func (t Types) queryValue(path []string, text string) any {
	var steps []string
	for _, name := range path {
		steps = append(steps, strings.Split(name, ".")...)
	}
	return value(t.of(steps), text, qson.Literal)
}

// pathValue is the value of a field of a path.
func (t Types) pathValue(path []string, text string) any {
	return value(t.of(path), text, func(text string) any { return text })
}

// formValue is the value of a field of a form that was given as texts.
func (t Types) formValue(path []string, texts []string) any {
	kind := t.of(path)
	if element, ok := elementOf(kind); ok {
		all := make([]any, 0, len(texts))
		for _, text := range texts {
			all = append(all, value(element, text, func(text string) any { return text }))
		}
		return all
	}
	return value(kind, strings.Join(texts, ","), func(text string) any { return text })
}

// value is what a text means to a field of a type. Otherwise decides when that is
// not known.
func value(kind, text string, otherwise func(string) any) any {
	if kind == "" {
		return otherwise(text)
	}
	if kind == "string" {
		if s, ok := otherwise(text).(string); ok {
			return s
		}
		return text
	}
	literal := qson.Literal(text)
	if kind == "bool" {
		if _, ok := literal.(bool); ok {
			return literal
		}
		return text
	}
	if strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint") || strings.HasPrefix(kind, "float") {
		if _, ok := literal.(json.Number); ok {
			return literal
		}
		return text
	}
	if element, ok := elementOf(kind); ok {
		if all, ok := literal.([]any); ok {
			return all
		}
		return []any{value(element, text, otherwise)}
	}
	return otherwise(text)
}

// elementOf is the type of the elements of an array that is one in JSON too.
func elementOf(kind string) (string, bool) {
	element, ok := strings.CutPrefix(kind, "[]")
	return element, ok && element != "uint8"
}
