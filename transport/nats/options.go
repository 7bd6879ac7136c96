package nats

import (
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/transport"
)

// DefaultTimeout is the Timeout of transports that are given none. It is read by
// NewTransport.
var DefaultTimeout = time.Minute

// clientTimeout limits the Recv of a client whose transport has no Timeout.
const clientTimeout = 10 * time.Second

type connectionOptions *nats.Options

// Options sets the options of the connections, for credentials, NKeys and whatever
// else an address cannot say. Begin with nats.GetDefaultOptions(). The transport's
// own options, Addrs, Secure and TLSConfig, win over them.
func Options(opts nats.Options) transport.Option {
	return func(o *transport.Options) { o.Context = options.Put(o.Context, connectionOptions(&opts)) }
}

// connection returns how to connect.
func connection(o *transport.Options, timeout time.Duration) natsclient.Settings {
	s := natsclient.Settings{
		Addrs: o.Addrs, Secure: o.Secure, TLSConfig: o.TLSConfig,
		Name: "go-micro transport", Logger: o.Logger, Timeout: timeout,
	}
	s.Base, _ = options.Value[connectionOptions](o.Context)
	return s
}

func maxMessageSize(o *transport.Options) int {
	if o.MaxMessageSize < 1 {
		return transport.DefaultMaxMessageSize
	}
	return o.MaxMessageSize
}
