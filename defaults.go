package micro

import (
	"context"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/util/cmd"
)

// defaultsTaken is set once a service has adopted the packages' defaults.
var defaultsTaken atomic.Bool

// Kinds of the built-in defaults. A default of another kind was put in place
// by the program or a plugin, which then means it for every service.
const (
	builtInRegistry  = "mdns"
	builtInTransport = "http"
	builtInBroker    = "http"
)

// defaultOptions returns the parts of a new service: the packages' defaults
// for the first of the process, and own ones for each later service. Parts
// that keep no state of one service are shared.
func defaultOptions() (o Options, owned bool) {
	o = Options{
		Auth:    auth.DefaultAuth,
		Cache:   cache.DefaultCache,
		Config:  config.DefaultConfig,
		Runtime: runtime.DefaultRuntime,
		Store:   store.DefaultStore,
		Logger:  logger.DefaultLogger,
		Context: context.Background(),
		Signal:  true,
	}
	if defaultsTaken.CompareAndSwap(false, true) {
		o.adoptDefaults()
		return o, false
	}
	o.makeOwn()
	return o, true
}

func (o *Options) adoptDefaults() {
	o.Registry = registry.DefaultRegistry
	o.Transport = transport.DefaultTransport
	o.Broker = broker.DefaultBroker
	o.Client = client.DefaultClient
	o.Server = server.DefaultServer
	o.Cmd = cmd.DefaultCmd
}

func (o *Options) makeOwn() {
	o.Registry = registry.DefaultRegistry
	if o.Registry.String() == builtInRegistry {
		o.Registry = registry.NewRegistry()
	}
	o.Transport = transport.DefaultTransport
	if o.Transport.String() == builtInTransport {
		o.Transport = transport.NewHTTPTransport()
	}
	o.Broker = broker.DefaultBroker
	if o.Broker.String() == builtInBroker {
		o.Broker = broker.NewBroker(broker.Registry(o.Registry))
	}
	o.Client = client.NewClient(
		client.Registry(o.Registry),
		client.Selector(selector.NewSelector(selector.Registry(o.Registry))),
		client.Transport(o.Transport),
		client.Broker(o.Broker),
	)
	o.Server = server.NewServer(
		// Two servers of one name in a process would otherwise share a node id.
		server.Id(uuid.NewString()),
		server.Registry(o.Registry),
		server.Transport(o.Transport),
		server.Broker(o.Broker),
	)
	o.Cmd = cmd.NewCmd()
	// Arguments of the command line are for the first service of the process.
	o.Cmd.App().Action = func(*cli.Context) error { return nil }
}
