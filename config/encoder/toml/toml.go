// Package toml is the TOML format of configuration. A reader knows it once it
// was given the encoder with reader.WithEncoder.
package toml

import (
	"bytes"

	"github.com/BurntSushi/toml"

	"github.com/justcy/go-micro/v4/config/encoder"
	"github.com/justcy/go-micro/v4/config/encoder/internal/nesting"
)

// NewEncoder returns the encoder for TOML. Structs are encoded and decoded by
// their toml tags.
func NewEncoder() encoder.Encoder { return tomlEncoder{} }

type tomlEncoder struct{}

func (tomlEncoder) String() string { return "toml" }

func (tomlEncoder) Encode(v any) ([]byte, error) {
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(v); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

func (tomlEncoder) Decode(data []byte, v any) error {
	if err := nesting.Check(data); err != nil {
		return err
	}
	return toml.Unmarshal(data, v)
}
