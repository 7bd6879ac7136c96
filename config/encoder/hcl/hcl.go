// Package hcl is HashiCorp's configuration language, version 1, as a format of
// configuration. A reader knows it once it was given the encoder with
// reader.WithEncoder.
//
// A block is an array of objects, as it may be repeated.
package hcl

import (
	"encoding/json"

	"github.com/hashicorp/hcl"

	"github.com/justcy/go-micro/v4/config/encoder"
	"github.com/justcy/go-micro/v4/config/encoder/internal/nesting"
)

// NewEncoder returns the encoder for HCL. It encodes JSON, which is HCL as well.
func NewEncoder() encoder.Encoder { return hclEncoder{} }

type hclEncoder struct{}

func (hclEncoder) String() string { return "hcl" }

func (hclEncoder) Encode(v any) ([]byte, error) { return json.Marshal(v) }

func (hclEncoder) Decode(data []byte, v any) error {
	if err := nesting.Check(data); err != nil {
		return err
	}
	return hcl.Unmarshal(data, v)
}
