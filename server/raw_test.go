package server_test

import (
	"context"
	"slices"

	"github.com/justcy/go-micro/v4/codec/bytes"
)

// Raw takes and returns bodies as they are.
type Raw struct{}

func (Raw) Turn(_ context.Context, req, rsp *bytes.Frame) error {
	rsp.Data = slices.Clone(req.Data)
	slices.Reverse(rsp.Data)
	return nil
}
