// Package ctx turns HTTP requests into the contexts of calls.
package ctx

import (
	"context"
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/metadata"
)

// FromRequest returns a context derived from the request's own, which ends when
// the client goes away. Its metadata are the request's headers; several values
// of a header are joined with commas.
func FromRequest(r *http.Request) context.Context {
	md := make(metadata.Metadata, len(r.Header))
	for name, values := range r.Header {
		md[name] = strings.Join(values, ",")
	}
	return metadata.NewContext(r.Context(), md)
}
