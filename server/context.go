package server

import "context"

type serverKey struct{}

// FromContext returns the server that a context carries. The context of a
// handler or a subscriber carries the server that called it.
func FromContext(ctx context.Context) (Server, bool) {
	s, ok := ctx.Value(serverKey{}).(Server)
	return s, ok
}

// NewContext returns a context that carries a server.
func NewContext(ctx context.Context, s Server) context.Context {
	return context.WithValue(ctx, serverKey{}, s)
}
