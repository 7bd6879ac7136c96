package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/debug/profile"
	"github.com/justcy/go-micro/v4/debug/profile/http"
	"github.com/justcy/go-micro/v4/debug/profile/pprof"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/transport"
)

// The implementations that packages make known when they are imported. They are
// written by init functions and read afterwards.
var (
	DefaultAuths      = map[string]func(...auth.Option) auth.Auth{}
	DefaultBrokers    = map[string]func(...broker.Option) broker.Broker{}
	DefaultCaches     = map[string]func(...cache.Option) cache.Cache{}
	DefaultClients    = map[string]func(...client.Option) client.Client{}
	DefaultConfigs    = map[string]func(...config.Option) (config.Config, error){}
	DefaultRegistries = map[string]func(...registry.Option) registry.Registry{}
	DefaultRuntimes   = map[string]func(...runtime.Option) runtime.Runtime{}
	DefaultSelectors  = map[string]func(...selector.Option) selector.Selector{}
	DefaultServers    = map[string]func(...server.Option) server.Server{}
	DefaultStores     = map[string]func(...store.Option) store.Store{}
	DefaultTracers    = map[string]func(...trace.Option) trace.Tracer{}
	DefaultTransports = map[string]func(...transport.Option) transport.Transport{}

	DefaultProfiles = map[string]func(...profile.Option) profile.Profile{
		"http":  http.NewProfile,
		"pprof": pprof.NewProfile,
	}
)

// The implementations that are part of the framework.
var (
	builtInAuths    = map[string]func(...auth.Option) auth.Auth{"noop": auth.NewAuth}
	builtInBrokers  = map[string]func(...broker.Option) broker.Broker{"http": broker.NewBroker, "memory": broker.NewMemoryBroker}
	builtInClients  = map[string]func(...client.Option) client.Client{"mucp": newClient}
	builtInConfigs  = map[string]func(...config.Option) (config.Config, error){"config": config.NewConfig}
	builtInProfiles = map[string]func(...profile.Option) profile.Profile{
		"noop": func(...profile.Option) profile.Profile { return profile.DefaultProfile },
	}
	builtInRegistries = map[string]func(...registry.Option) registry.Registry{
		"mdns": registry.NewRegistry, "memory": registry.NewMemoryRegistry,
	}
	builtInRuntimes   = map[string]func(...runtime.Option) runtime.Runtime{"local": runtime.NewDefault}
	builtInSelectors  = map[string]func(...selector.Option) selector.Selector{"registry": selector.NewSelector}
	builtInServers    = map[string]func(...server.Option) server.Server{"mucp": newServer}
	builtInStores     = map[string]func(...store.Option) store.Store{"memory": store.NewMemoryStore, "noop": store.NewNoopStore}
	builtInTransports = map[string]func(...transport.Option) transport.Transport{
		"http":   func(o ...transport.Option) transport.Transport { return transport.NewHTTPTransport(o...) },
		"memory": transport.NewMemoryTransport,
	}
)

// newClient and newServer follow later changes of the packages' variables.
func newClient(o ...client.Option) client.Client { return client.NewClient(o...) }
func newServer(o ...server.Option) server.Server { return server.NewServer(o...) }

// lookup finds the constructor called name: among those given to the Cmd, those
// of imported packages, and the built-in ones, in this order.
func lookup[C any](name string, tables ...map[string]C) (constructor C, ok bool) {
	for _, table := range tables {
		if constructor, ok = table[name]; ok {
			return constructor, true
		}
	}
	return constructor, false
}

// notFound holds the flags about whose values v4 says that they were not found;
// the others are not supported.
var notFound = map[string]string{"registry": "Registry", "broker": "Broker", "selector": "Selector", "transport": "Transport"}

// namesIn returns the names that tables know.
func namesIn[C any](tables []map[string]C) (names []string) {
	for _, table := range tables {
		for name := range table {
			names = append(names, name)
		}
	}
	return names
}

// unknown is the error of a flag with a name that is not among those there are. It
// tells where the name was given, and what could have been.
func unknown(s *settings, flag, name string, names []string) error {
	known := "none is known"
	if len(names) > 0 {
		slices.Sort(names)
		known = "known: " + strings.Join(slices.Compact(names), ", ")
	}
	text := "Unsupported " + flag + ": " + name
	if part, ok := notFound[flag]; ok {
		text = part + " " + name + " not found"
	}
	return fmt.Errorf("%s (given by the %s; %s; import %s to make it known)", text, s.origin(flag), known, provider(flag, name))
}

// provider returns the package that provides an implementation which is not built
// in.
func provider(flag, name string) string {
	const module = "github.com/justcy/go-micro/"
	switch folder := flag + "/" + name; folder {
	case "auth/jwt", "broker/nats", "broker/redis", "registry/nats", "runtime/kubernetes", "store/cockroach", "store/file", "store/redis", "transport/nats":
		return module + "v4/" + folder
	case "store/natsjskv":
		return module + "v4/store/nats-js-kv"
	case "registry/etcd":
		return module + "plugins/v4/" + folder
	}
	return fmt.Sprintf("the package that provides %q, or, where that is a plugin of go-micro v4, the copy that docs/migrating.md of %sv4 tells to make,", name, module)
}
