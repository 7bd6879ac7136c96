// Package yaml is the YAML format of configuration. A reader knows it once it
// was given the encoder with reader.WithEncoder.
//
// It is YAML 1.1, as go-micro v4 reads it: yes, no, on and off are booleans and
// dates are text, keys included. In quotes all of them are the text they show.
//
// Structs are encoded and decoded by their json tags.
package yaml

import (
	"bytes"
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"

	"github.com/justcy/go-micro/v4/config/encoder"
)

// NewEncoder returns the encoder for YAML.
func NewEncoder() encoder.Encoder { return yamlEncoder{} }

type yamlEncoder struct{}

func (yamlEncoder) String() string { return "yaml" }

// Encode goes through JSON, whose tags the types have.
func (yamlEncoder) Encode(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return nil, err
	}
	return yaml.Marshal(numbered(plain))
}

// numbered replaces the texts of numbers, which YAML would quote.
func numbered(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, element := range v {
			v[key] = numbered(element)
		}
	case []any:
		for i, element := range v {
			v[i] = numbered(element)
		}
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: v.String()}
	}
	return v
}

// Decode fills a *map[string]any directly, and everything else through JSON.
// Keys that are no strings become strings. An empty document changes nothing.
func (yamlEncoder) Decode(data []byte, v any) error {
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		return err
	}
	asVersion1(&root)
	var document any
	if err := root.Decode(&document); err != nil {
		return err
	}
	if document == nil {
		return nil
	}
	document, err := stringKeys(document)
	if err != nil {
		return err
	}
	if target, ok := v.(*map[string]any); ok {
		object, ok := document.(map[string]any)
		if !ok {
			return fmt.Errorf("the document is a %T, want a mapping", document)
		}
		*target = object
		return nil
	}
	text, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// stringKeys makes every key a string. The library bounds the nesting.
func stringKeys(v any) (any, error) {
	switch v := v.(type) {
	case map[string]any:
		for key, element := range v {
			plain, err := stringKeys(element)
			if err != nil {
				return nil, err
			}
			v[key] = plain
		}
	case map[any]any:
		return stringMap(v)
	case []any:
		for i, element := range v {
			plain, err := stringKeys(element)
			if err != nil {
				return nil, err
			}
			v[i] = plain
		}
	}
	return v, nil
}

func stringMap(m map[any]any) (any, error) {
	plain := make(map[string]any, len(m))
	for k, element := range m {
		key := fmt.Sprint(k)
		if _, twice := plain[key]; twice {
			return nil, fmt.Errorf("the key %q is there twice, as a string and as another type", key)
		}
		value, err := stringKeys(element)
		if err != nil {
			return nil, err
		}
		plain[key] = value
	}
	return plain, nil
}
