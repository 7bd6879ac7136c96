// Package http passes requests on to services that speak HTTP, such as those of
// package web, with their path, query and Host.
package http

import (
	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/internal/proxy"
)

// Handler is the name of this kind of handler.
const Handler = "http"

// NewHandler returns a handler that passes requests on.
func NewHandler(opts ...handler.Option) handler.Handler {
	return proxy.New(Handler, handler.NewOptions(opts...))
}
