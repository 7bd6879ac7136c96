// Package xml is the XML format of configuration. A reader knows it once it was
// given the encoder with reader.WithEncoder.
//
// The element around the document has any name and is not part of the values.
// Below it, elements with text are strings, elements with elements or
// attributes are objects, and elements of one name are an array:
//
//	<config><server port="80"><host>a</host><host>b</host></server></config>
//
// is {"server": {"port": "80", "host": ["a", "b"]}}. Text beside attributes has
// the key "#text".
package xml

import (
	"encoding/xml"

	"github.com/justcy/go-micro/v4/config/encoder"
)

// NewEncoder returns the encoder for XML. Maps are encoded and decoded as the
// package describes, and everything else by the rules of encoding/xml.
func NewEncoder() encoder.Encoder { return xmlEncoder{} }

type xmlEncoder struct{}

func (xmlEncoder) String() string { return "xml" }

func (xmlEncoder) Encode(v any) ([]byte, error) {
	if object, ok := v.(map[string]any); ok {
		return encodeObject(object)
	}
	return xml.Marshal(v)
}

func (xmlEncoder) Decode(data []byte, v any) error {
	target, ok := v.(*map[string]any)
	if !ok {
		return xml.Unmarshal(data, v)
	}
	object, err := decodeObject(data)
	if err == nil {
		*target = object
	}
	return err
}
