package jsonrpc_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/codec/codectest"
	"github.com/justcy/go-micro/v4/codec/jsonrpc"
)

func TestConformance(t *testing.T) {
	codectest.Run(t, harness())
}

func harness() codectest.Harness {
	return codectest.Harness{
		New:    jsonrpc.NewCodec,
		Value:  func(i int) any { return map[string]any{"number": float64(i)} },
		Target: func() any { return new(map[string]any) },
	}
}
