package handler

import (
	"io"
	"net/http"

	"github.com/justcy/go-micro/v4/server"
)

// NewHealthHandler returns an HTTP handler that answers with the health of s:
// status 200 while it should be called, otherwise 503, and as the text what
// [server.HealthReporter] says. It is meant for load balancers and for the
// readiness probe of Kubernetes. That the process lives, the answer itself tells,
// whatever its status.
func NewHealthHandler(s server.Server) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := server.Health(server.NewContext(r.Context(), s))
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if status != server.HealthOK {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = io.WriteString(w, status+"\n")
	})
}
