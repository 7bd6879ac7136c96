package transport_test

import (
	"context"
	"maps"
	"net/http"

	"github.com/justcy/go-micro/v4/transport"
)

// wireForm is a way in which messages travel.
type wireForm struct {
	name string
	dial []transport.DialOption
	make func(...transport.Option) transport.Transport
}

// wireForms are those in which two transports of this package talk.
func wireForms() []wireForm {
	web := func(opts ...transport.Option) func(...transport.Option) transport.Transport {
		return func(more ...transport.Option) transport.Transport {
			return transport.NewHTTPTransport(append(append([]transport.Option{quiet}, opts...), more...)...)
		}
	}
	insecure := []transport.DialOption{transport.WithInsecureSkipVerify(true)}
	return []wireForm{
		{"memory", nil, transport.NewMemoryTransport},
		{"multiplexed", nil, web()},
		{"multiplexed TLS", insecure, web(transport.Secure(true))},
		{"HTTP", nil, web(transport.DisableMux())},
		{"HTTPS", insecure, web(transport.DisableMux(), transport.Secure(true))},
		{"HTTP beside handlers", nil, web(transport.DisableMux(), withHandler("/metrics"), withHandler("GET /{$}"))},
	}
}

// withHandler adds an extra handler.
func withHandler(pattern string) transport.Option {
	return func(o *transport.Options) { o.Context = handlersContext(o.Context, pattern) }
}

// handlersContext adds an extra handler, which answers 404, to those of a context.
func handlersContext(ctx context.Context, pattern string) context.Context {
	if ctx == nil {
		ctx = context.Background()
	}
	handlers := map[string]http.Handler{pattern: http.NotFoundHandler()}
	old, _ := ctx.Value("http_handlers").(map[string]http.Handler)
	maps.Copy(handlers, old)
	return context.WithValue(ctx, "http_handlers", handlers) //nolint:staticcheck // the key is a string
}
