package exchange

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/justcy/go-micro/v4/api/internal/pathfield"
	"github.com/justcy/go-micro/v4/internal/authcall"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// Context returns the context of a call for a request: the request's own, so that
// it ends when the client goes away, with the metadata that the call carries. That
// is, each one over the one before: the headers that a client may send, what
// wrappers put into the context, and the host and method of the request. The call is
// the client's: it has the Authorization among these or none, whatever token the
// gateway has.
func Context(r *http.Request) context.Context {
	md := make(metadata.Metadata, len(r.Header)+2)
	listed := r.Header["Connection"]
	for name, values := range r.Header {
		if !Forwarded(name) || len(listed) > 0 && Listed(listed, name) {
			continue
		}
		if value := joined(values); value != "" {
			md[name] = value
		}
	}
	if added, ok := metadata.FromContext(r.Context()); ok {
		for name, value := range added {
			if pathfield.Internal(name) {
				continue
			}
			md.Delete(name)
			if value != "" {
				md[name] = value
			}
		}
	}
	md["Host"] = r.Host
	md["Method"] = r.Method
	return metadata.NewContext(context.WithValue(r.Context(), authcall.CallerKey{}, true), md)
}

func joined(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values, ",")
}

// Forwarded reports whether a header of a client is passed on to services. Those
// of the framework, those of one connection, and those that only routers and
// wrappers set are not.
func Forwarded(name string) bool {
	return !internal(name) && wire.Travels(name)
}

// internal reports whether a header means something to the framework, with
// "X-" before it too.
func internal(name string) bool {
	if pathfield.Internal(name) {
		return true
	}
	if len(name) > 2 && name[1] == '-' && name[0]|0x20 == 'x' {
		name = name[2:]
	}
	return len(name) >= len(headers.Prefix) && strings.EqualFold(name[:len(headers.Prefix)], headers.Prefix)
}

// Listed reports whether a list of tokens, as the values of the header
// Connection, has one, in any case.
func Listed(values []string, token string) bool {
	for _, value := range values {
		for t := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// StripInternal removes the headers of the framework from a request that is
// passed on as it is.
func StripInternal(h http.Header) {
	for name := range h {
		if internal(name) {
			delete(h, name)
		}
	}
}

// IsWebSocket reports whether a request asks for a WebSocket.
func IsWebSocket(r *http.Request) bool {
	return Listed(r.Header["Connection"], "upgrade") && Listed(r.Header["Upgrade"], "websocket")
}

// TypeEvents is the content type of server-sent events.
const TypeEvents = "text/event-stream"

// AcceptsEvents reports whether a request asks for server-sent events.
func AcceptsEvents(r *http.Request) bool {
	for _, value := range r.Header["Accept"] {
		for accepted := range strings.SplitSeq(value, ",") {
			if MediaType(accepted) == TypeEvents {
				return true
			}
		}
	}
	return false
}

// Lasts reports whether a request asks for something that goes on until somebody
// ends it: another protocol, or events.
func Lasts(r *http.Request) bool {
	return Listed(r.Header["Connection"], "upgrade") || AcceptsEvents(r)
}

// MediaType is a content type without its parameters, in lower case.
func MediaType(contentType string) string {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.ToLower(strings.TrimSpace(mediaType))
}

// ForwardedFor is the header X-Forwarded-For of a request, with its peer added.
func ForwardedFor(r *http.Request) string {
	values := r.Header["X-Forwarded-For"]
	if peer, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		values = append(values[:len(values):len(values)], peer)
	}
	return strings.Join(values, ", ")
}

// size is a number of bytes for people.
func size(n int64) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

// hopByHop are the headers of one connection (RFC 9110, section 7.6.1).
var hopByHop = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true,
	"Proxy-Authorization": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
}

// EndToEnd returns the headers of a request that are for its service, those that
// the framework gives a meaning left out.
func EndToEnd(h http.Header) http.Header {
	all := make(http.Header, len(h)+2)
	for name, values := range h {
		if !hopByHop[name] && !internal(name) && !Listed(h["Connection"], name) {
			all[name] = values
		}
	}
	return all
}

// OwnByConnection reports whether a response's header is the business of the
// connection alone, and not of who wrote the response.
func OwnByConnection(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return hopByHop[name] || name == "Content-Length"
}
