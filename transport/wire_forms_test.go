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

// withHandler adds an extra handler, which answers 404.
func withHandler(pattern string) transport.Option {
	return withHandlers(map[string]http.Handler{pattern: http.NotFoundHandler()})
}

// withHandlers adds extra handlers.
func withHandlers(handlers map[string]http.Handler) transport.Option {
	return func(o *transport.Options) {
		ctx := o.Context
		if ctx == nil {
			ctx = context.Background()
		}
		all := maps.Clone(handlers)
		old, _ := ctx.Value("http_handlers").(map[string]http.Handler)
		maps.Copy(all, old)
		o.Context = context.WithValue(ctx, "http_handlers", all) //nolint:staticcheck // the key is a string
	}
}
