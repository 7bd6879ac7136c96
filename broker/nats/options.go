package nats

import (
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/internal/options"
)

// settings are the options of this package.
type settings struct {
	nats  *nats.Options // nil: the library's defaults
	drain bool
}

func settingsOf(o *broker.Options) settings {
	s, _ := options.Value[settings](o.Context)
	return s
}

func set(change func(*settings)) broker.Option {
	return func(o *broker.Options) {
		s := settingsOf(o)
		change(&s)
		o.Context = options.Put(o.Context, s)
	}
}

// Options sets the options of the connection, for credentials, NKeys and whatever
// else an address cannot say. Begin with nats.GetDefaultOptions(). The broker's own
// options, Addrs, Secure and TLSConfig, win over them; their callbacks are called.
func Options(opts nats.Options) broker.Option {
	return set(func(s *settings) { s.nats = &opts })
}

// DrainConnection makes Disconnect wait until the handlers have been called for
// what has arrived, up to the DrainTimeout of Options, 30 seconds by default.
// Without it Disconnect waits for the handlers that run, as long, and drops what
// has arrived behind them.
func DrainConnection() broker.Option {
	return set(func(s *settings) { s.drain = true })
}

// connection returns how to connect.
func connection(o *broker.Options) natsclient.Settings {
	return natsclient.Settings{
		Base: settingsOf(o).nats, Addrs: o.Addrs, Secure: o.Secure, TLSConfig: o.TLSConfig,
		Name: "go-micro broker", Logger: o.Logger,
	}
}

// drainTimeout limits the waiting of Disconnect.
func drainTimeout(o *broker.Options) time.Duration { return connection(o).Options().DrainTimeout }
