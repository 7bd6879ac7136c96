package options_test

import (
	"context"
	"testing"

	"github.com/justcy/go-micro/v4/internal/options"
)

type otherCounts counts

func TestEachTypeHasItsValueInAContext(t *testing.T) {
	var none context.Context // as options may have
	if _, ok := options.Value[counts](none); ok {
		t.Error("no context holds a value")
	}
	given := context.WithValue(context.Background(), counts{}, "of the program")
	for _, ctx := range []context.Context{none, given} {
		ctx := options.Put(options.Put(ctx, counts{a: 1}), otherCounts{a: 2})
		if got, ok := options.Value[counts](ctx); !ok || got.a != 1 {
			t.Errorf("got %+v, %v", got, ok)
		}
		if got, ok := options.Value[otherCounts](ctx); !ok || got.a != 2 {
			t.Errorf("got %+v, %v", got, ok)
		}
		if got, _ := options.Value[counts](options.Put(ctx, counts{b: 3})); got != (counts{b: 3}) {
			t.Errorf("the value put last is not the one that is found: %+v", got)
		}
	}
	if given.Value(counts{}) != "of the program" {
		t.Error("the context that was given has changed")
	}
	if _, ok := options.Value[counts](given); ok {
		t.Error("a value of the program's is taken for an option")
	}
}
