package nats

import (
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/internal/natsclient"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
)

// DefaultQuorum is the Quorum of registries that are given none. It is read by
// NewRegistry.
var DefaultQuorum = 0

const (
	// flushTimeout is how long Close waits until the server knows.
	flushTimeout = 2 * time.Second
	// defaultTimeout is how long answers are collected.
	defaultTimeout = 100 * time.Millisecond

	defaultQueryTopic = "micro.registry.nats.query"
	defaultWatchTopic = "micro.registry.nats.watch"
)

// settings are the options of this package.
type settings struct {
	nats           *nats.Options // nil: the library's defaults
	quorum         int
	queryTopic     string
	watchTopic     string
	registerAction string
}

func settingsOf(o *registry.Options) settings {
	if s, ok := options.Value[settings](o.Context); ok {
		return s
	}
	return settings{quorum: DefaultQuorum, queryTopic: defaultQueryTopic, watchTopic: defaultWatchTopic, registerAction: "create"}
}

func set(change func(*settings)) registry.Option {
	return func(o *registry.Options) {
		s := settingsOf(o)
		change(&s)
		o.Context = options.Put(o.Context, s)
	}
}

// Options sets the options of the connection, for credentials, NKeys and whatever
// else an address cannot say. Begin with nats.GetDefaultOptions(). The registry's
// own options, Addrs, Secure and TLSConfig, win over them.
func Options(opts nats.Options) registry.Option {
	return set(func(s *settings) { s.nats = &opts })
}

// Quorum ends a lookup early, when so many nodes of one version are known; 0, the
// default, always waits for the whole Timeout.
func Quorum(n int) registry.Option { return set(func(s *settings) { s.quorum = n }) }

// QueryTopic sets the subject of lookups, which all registries that are to find
// each other must have in common.
func QueryTopic(subject string) registry.Option {
	return set(func(s *settings) { s.queryTopic = subject })
}

// WatchTopic sets the subject of changes, which all registries that are to find
// each other must have in common.
func WatchTopic(subject string) registry.Option {
	return set(func(s *settings) { s.watchTopic = subject })
}

// RegisterAction sets what watchers are told of a registration: "create", which is
// the default, or "update".
func RegisterAction(action string) registry.Option {
	return set(func(s *settings) { s.registerAction = action })
}

// connection returns how to connect.
func connection(o *registry.Options) natsclient.Settings {
	return natsclient.Settings{
		Base: settingsOf(o).nats, Addrs: o.Addrs, Secure: o.Secure, TLSConfig: o.TLSConfig,
		Name: "go-micro registry", Logger: o.Logger,
	}
}
