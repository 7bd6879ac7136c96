package openapi

import (
	"strings"

	"github.com/justcy/go-micro/v4/registry"
)

// errorSchema is that of the errors of package errors.
const errorSchema = "Error"

func errorsSchema() *schema {
	return &schema{Type: "object", Properties: map[string]*schema{
		"id":     {Type: "string"},
		"code":   {Type: "integer", Format: "int32"},
		"detail": {Type: "string"},
		"status": {Type: "string"},
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
		s := &schema{Type: "object", Properties: map[string]*schema{}}
		for _, field := range v.Values {
			if field != nil && field.Name != "" {
				s.Properties[field.Name] = schemaOf(field)
			}
		}
		return s
	}
	return typed(v.Type)
}

// typed is the schema of a type of Go.
func typed(name string) *schema {
	switch name {
	case "string":
		return &schema{Type: "string"}
	case "bool":
		return &schema{Type: "boolean"}
	case "float32":
		return &schema{Type: "number", Format: "float"}
	case "float64":
		return &schema{Type: "number", Format: "double"}
	case "int32", "int64":
		return &schema{Type: "integer", Format: name}
	case "int", "int8", "int16":
		return &schema{Type: "integer"}
	case "uint", "uint8", "uint16", "uint32", "uint64":
		return &schema{Type: "integer", Minimum: new(int)}
	case "[]uint8":
		return &schema{Type: "string", ContentEncoding: "base64"}
	}
	if element, ok := strings.CutPrefix(name, "[]"); ok {
		return &schema{Type: "array", Items: typed(element)}
	}
	return &schema{}
}
