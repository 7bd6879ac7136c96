package client

import "context"

type contextKey struct{}

// FromContext returns the client that ctx carries.
func FromContext(ctx context.Context) (Client, bool) {
	c, ok := ctx.Value(contextKey{}).(Client)
	return c, ok
}

// NewContext returns a context that carries c.
func NewContext(ctx context.Context, c Client) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}
