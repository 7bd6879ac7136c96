// Package web passes requests on to web services, as package handler/http does, and
// WebSockets with them.
package web

import (
	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/internal/proxy"
)

// Handler is the name of this kind of handler.
const Handler = "web"

// NewHandler returns a handler that passes requests on.
func NewHandler(opts ...handler.Option) handler.Handler {
	return proxy.New(Handler, handler.NewOptions(opts...))
}
