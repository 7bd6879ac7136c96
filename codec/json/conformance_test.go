package json_test

import (
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/codec/codectest"
	"github.com/justcy/go-micro/v4/codec/internal/testpb"
	"github.com/justcy/go-micro/v4/codec/json"
)

func TestConformance(t *testing.T) {
	codectest.Run(t, harness())
}

func TestMarshalerConformance(t *testing.T) {
	codectest.RunMarshaler(t, json.Marshaler{}, harness())
}

func harness() codectest.Harness {
	return codectest.Harness{
		New: json.NewCodec,
		Value: func(i int) any {
			return &testpb.Everything{FullName: fmt.Sprintf("gopher <%d>", i), BigNumber: int64(i), Choice: &testpb.Everything_Number{Number: 3}}
		},
		Target: func() any { return new(testpb.Everything) },
		NoId:   true, NoMethod: true, NoErrorText: true,
	}
}
