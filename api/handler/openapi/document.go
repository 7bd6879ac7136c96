package openapi

import "encoding/json"

// The parts of a document that are used here, in the words of the specification.
type (
	document struct {
		OpenAPI    string                           `json:"openapi"`
		Info       info                             `json:"info"`
		Paths      map[string]map[string]*operation `json:"paths"`
		Components components                       `json:"components"`
	}
	components struct {
		Schemas map[string]*schema `json:"schemas"`
	}
	info struct {
		Title       string `json:"title"`
		Description string `json:"description,omitempty"`
		Version     string `json:"version"`
	}
	operation struct {
		OperationID string               `json:"operationId"`
		Description string               `json:"description,omitempty"`
		Tags        []string             `json:"tags,omitempty"`
		Parameters  []parameter          `json:"parameters,omitempty"`
		RequestBody *requestBody         `json:"requestBody,omitempty"`
		Responses   map[string]*response `json:"responses"`
	}
	parameter struct {
		Name        string  `json:"name"`
		In          string  `json:"in"`
		Description string  `json:"description,omitempty"`
		Required    bool    `json:"required,omitempty"`
		Schema      *schema `json:"schema"`
	}
	requestBody struct {
		Content map[string]mediaType `json:"content"`
	}
	response struct {
		Description string               `json:"description"`
		Content     map[string]mediaType `json:"content,omitempty"`
	}
	mediaType struct {
		Schema *schema `json:"schema"`
	}
	// schema is one of JSON Schema, draft 2020-12.
	schema struct {
		Ref             string             `json:"$ref,omitempty"`
		Type            types              `json:"type,omitempty"`
		Format          string             `json:"format,omitempty"`
		ContentEncoding string             `json:"contentEncoding,omitempty"`
		Minimum         *int               `json:"minimum,omitempty"`
		Items           *schema            `json:"items,omitempty"`
		Properties      map[string]*schema `json:"properties,omitempty"`
	}
)

// types are those that a value may have.
type types []string

// MarshalJSON writes a single type by itself.
func (t types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}
