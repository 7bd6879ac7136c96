package openapi

import (
	"slices"
	"strings"

	"github.com/justcy/go-micro/v4/registry"
)

// errorSchema is that of the errors of package errors.
const errorSchema = "Error"

func errorsSchema() *schema {
	return &schema{Type: types{"object"}, Properties: map[string]*schema{
		"id":     {Type: types{"string"}},
		"code":   {Type: types{"integer"}, Format: "int32"},
		"detail": {Type: types{"string"}},
		"status": {Type: types{"string"}},
	}}
}

func reference(name string) *schema { return &schema{Ref: "#/components/schemas/" + name} }

// schemaOf is what JSON of a value looks like. What the registry does not say may
// be anything.
func schemaOf(v *registry.Value) *schema {
	if v == nil {
		return &schema{}
	}
	if len(v.Values) > 0 {
		s := &schema{Type: types{"object"}, Properties: map[string]*schema{}}
		for _, field := range v.Values {
			if field != nil && field.Name != "" {
				s.Properties[field.Name] = nullable(schemaOf(field))
			}
		}
		return s
	}
	return typed(v.Type)
}

// nullable is the schema of a field. Pointers and slices of Go, which are null when
// there is nothing, are not told from structs and arrays by the registry.
func nullable(s *schema) *schema {
	if slices.Contains(s.Type, "object") || slices.Contains(s.Type, "array") || s.ContentEncoding != "" {
		s.Type = append(s.Type, "null")
	}
	return s
}

// typed is the schema of a type of Go.
func typed(name string) *schema {
	switch name {
	case "string":
		return &schema{Type: types{"string"}}
	case "bool":
		return &schema{Type: types{"boolean"}}
	case "float32":
		return &schema{Type: types{"number"}, Format: "float"}
	case "float64":
		return &schema{Type: types{"number"}, Format: "double"}
	case "int32", "int64":
		return &schema{Type: types{"integer"}, Format: name}
	case "int", "int8", "int16":
		return &schema{Type: types{"integer"}}
	case "uint", "uint8", "uint16", "uint32", "uint64":
		return &schema{Type: types{"integer"}, Minimum: new(int)}
	case "[]uint8":
		return &schema{Type: types{"string"}, ContentEncoding: "base64"}
	}
	if element, ok := strings.CutPrefix(name, "[]"); ok {
		return &schema{Type: types{"array"}, Items: typed(element)}
	}
	return &schema{}
}
