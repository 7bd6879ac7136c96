package main

import (
	"net/http"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/handler/rpc"
	"github.com/justcy/go-micro/v4/api/router/registry"
)

// gateway answers requests by calls of services. A program can have a gateway
// beside its own pages, put together of its parts. Stop ends it.
func gateway() (h http.Handler, stop func() error) {
	router := registry.NewRouter()
	return rpc.NewHandler(handler.WithRouter(router)), router.Stop
}
