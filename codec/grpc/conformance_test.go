package grpc_test

import (
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/codec/codectest"
	"github.com/justcy/go-micro/v4/codec/grpc"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
)

func TestConformance(t *testing.T) {
	codectest.Run(t, harness())
}

func harness() codectest.Harness {
	return codectest.Harness{
		New: grpc.NewCodec,
		Value: func(i int) any {
			return &testpb.Everything{FullName: fmt.Sprintf("gopher number %d", i), BigNumber: int64(i)}
		},
		Target: func() any { return new(testpb.Everything) },
		NoId:   true, NoErrorText: true,
	}
}
