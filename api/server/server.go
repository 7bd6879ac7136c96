// Package server is the interface to the HTTP server of a gateway. Its folder http
// holds the implementation, cors the headers for pages of other origins, and acme
// the providers of certificates.
package server

import (
	"context"
	"net/http"

	"github.com/justcy/go-micro/v4/internal/drain"
)

// Server is an HTTP server. All methods may be called concurrently.
type Server interface {
	// Address is where the server listens: the one that it was made with, and
	// once it has started the one that is in use.
	Address() string
	// Init applies options. They count for what is handled and started later.
	Init(opts ...Option) error
	// Handle has a pattern of http.ServeMux answered by a handler. The options of
	// that moment decide about what goes around the handler.
	Handle(path string, handler http.Handler)
	// Start listens and serves in the background.
	Start() error
	// Stop ends what Start began, after the requests in flight. It may be called
	// again, and without a Start.
	Stop() error
}

// Draining returns a channel that is closed when the server begins to stop, for
// handlers whose work lasts; ctx is the context of their request. It is nil, and
// so never ready, for requests of other servers.
func Draining(ctx context.Context) <-chan struct{} { return drain.Of(ctx) }
