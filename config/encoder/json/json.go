// Package json is the JSON format of configuration.
package json

import (
	"encoding/json"

	"github.com/justcy/go-micro/v4/config/encoder"
)

// NewEncoder returns the encoder for JSON, with the rules of encoding/json.
func NewEncoder() encoder.Encoder { return jsonEncoder{} }

type jsonEncoder struct{}

func (jsonEncoder) Encode(v any) ([]byte, error)    { return json.Marshal(v) }
func (jsonEncoder) Decode(data []byte, v any) error { return json.Unmarshal(data, v) }
func (jsonEncoder) String() string                  { return "json" }
