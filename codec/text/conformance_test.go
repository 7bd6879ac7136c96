package text_test

import (
	"fmt"
	"testing"

	"github.com/justcy/go-micro/v4/codec/codectest"
	"github.com/justcy/go-micro/v4/codec/text"
)

func TestConformance(t *testing.T) {
	codectest.Run(t, harness())
}

func harness() codectest.Harness {
	return codectest.Harness{
		New:          text.NewCodec,
		Value:        func(i int) any { return fmt.Sprintf("text number %d", i) },
		Target:       func() any { return new(string) },
		NoBoundaries: true, NoId: true, NoMethod: true, NoErrorText: true,
	}
}
