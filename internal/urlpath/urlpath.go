// Package urlpath tells the paths of requests that mean what they say.
package urlpath

import (
	"net/http"

	"github.com/justcy/go-micro/v4/errors"
)

// Safe reports whether none of the parts of a path, between slashes of either
// kind, is "." or "..", and no character is a control character.
func Safe(path string) bool {
	start := 0
	for i := 0; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' && path[i] != '\\' {
			if path[i] < ' ' || path[i] == 0x7f {
				return false
			}
			continue
		}
		if part := path[start:i]; part == "." || part == ".." {
			return false
		}
		start = i + 1
	}
	return true
}

// Guard answers requests whose path is not Safe, which http.ServeMux would
// redirect, with 400 and an error of the id.
func Guard(id string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if Safe(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(errors.BadRequest(id, "invalid path").Error())) // a client that is gone need not be told
	})
}
