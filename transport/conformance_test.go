package transport_test

import (
	"testing"

	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/transporttest"
)

func TestHTTPConformance(t *testing.T) {
	transporttest.Run(t, transporttest.Harness{
		New: func(_ testing.TB, opts ...transport.Option) transport.Transport {
			return transport.NewHTTPTransport(append(opts, quiet)...)
		},
	})
}

func TestPlainHTTPConformance(t *testing.T) {
	transporttest.Run(t, transporttest.Harness{
		New: func(_ testing.TB, opts ...transport.Option) transport.Transport {
			return transport.NewHTTPTransport(append(opts, quiet, transport.DisableMux())...)
		},
	})
}

func TestHTTPSConformance(t *testing.T) {
	transporttest.Run(t, transporttest.Harness{
		New: func(_ testing.TB, opts ...transport.Option) transport.Transport {
			return transport.NewHTTPTransport(append(opts, quiet, transport.Secure(true))...)
		},
		DialOptions: []transport.DialOption{transport.WithInsecureSkipVerify(true)},
	})
}

func TestMemoryConformance(t *testing.T) {
	transporttest.Run(t, transporttest.Harness{
		New: func(_ testing.TB, opts ...transport.Option) transport.Transport {
			return transport.NewMemoryTransport(append(opts, quiet)...)
		},
		NoPairing: true,
	})
}
