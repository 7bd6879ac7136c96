package options

import "context"

// Value returns what Put kept in ctx. T is a type of the package that asks, which
// so is the key as well. A nil ctx holds nothing.
func Value[T any](ctx context.Context) (v T, ok bool) {
	if ctx != nil {
		v, ok = ctx.Value(key[T]{}).(T)
	}
	return v, ok
}

// Put returns a context that holds v beside what ctx holds, which may be nil. The
// options of a driver are kept like that in the Context of the options that all
// drivers of its kind have.
func Put[T any](ctx context.Context, v T) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithValue(ctx, key[T]{}, v)
}

type key[T any] struct{}
