package bytes_test

import (
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/codec/codectest"
)

func TestConformance(t *testing.T) {
	codectest.Run(t, harness())
}

func TestMarshalerConformance(t *testing.T) {
	codectest.RunMarshaler(t, bytes.Marshaler{}, harness())
}

func harness() codectest.Harness {
	return codectest.Harness{
		New:          bytes.NewCodec,
		Value:        func(i int) any { return []byte(fmt.Sprintf("bytes number %d", i)) },
		Target:       func() any { return new([]byte) },
		NoBoundaries: true, NoId: true, NoMethod: true, NoErrorText: true,
	}
}
