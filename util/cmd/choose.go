package cmd

import (
	"fmt"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
)

// choose replaces a part by the implementation that a flag names, unless it is
// of that kind already, and reports whether it did. Without a part there is
// nothing to replace.
func choose[P, O any](s *settings, flag string, part *P, opts func() []O, tables ...map[string]func(...O) P) (bool, error) {
	if part == nil {
		return false, nil
	}
	name, ok := s.other(flag, *part)
	if !ok {
		return false, nil
	}
	constructor, ok := lookup(name, tables...)
	if !ok {
		return false, s.unknown(flag, name, names(tables...))
	}
	*part = constructor(opts()...)
	return true, nil
}

// other reports whether a flag asks for another kind than the current part is.
func (s *settings) other(flag string, current any) (name string, ok bool) {
	name, given := s.text(flag)
	kind, named := current.(fmt.Stringer) // most tracers are not
	return name, given && (!named || kind.String() != name)
}

// none are the options of parts that are made without any.
func none[O any]() []O { return nil }

// given is a list of one option for a part that there is, and empty otherwise.
func given[P, O any](part *P, option func(P) O) []O {
	if part == nil {
		return nil
	}
	return []O{option(*part)}
}

func (s *settings) chooseClient() error {
	_, err := choose(s, "client", s.Client, s.clientParts, s.Clients, DefaultClients, builtInClients)
	return err
}

// clientParts are the service's own parts, and what the code set, for a client
// that replaces its.
func (s *settings) clientParts() []client.Option {
	var opts []client.Option
	if *s.Client != nil {
		opts = clientSettings((*s.Client).Options())
	}
	opts = append(opts, given(s.Registry, client.Registry)...)
	opts = append(opts, given(s.Broker, client.Broker)...)
	return append(opts, given(s.Transport, client.Transport)...)
}

// clientSettings sets what every kind of client has.
func clientSettings(o client.Options) []client.Option {
	opts := []client.Option{
		client.Retries(o.CallOptions.Retries),
		client.RequestTimeout(o.CallOptions.RequestTimeout),
		client.WrapCall(o.CallOptions.CallWrappers...),
		client.PoolSize(o.PoolSize),
		client.PoolTTL(o.PoolTTL),
	}
	if o.Logger != nil {
		opts = append(opts, client.WithLogger(o.Logger))
	}
	return opts
}

func (s *settings) chooseServer() error {
	_, err := choose(s, "server", s.Server, s.serverParts, s.Servers, DefaultServers, builtInServers)
	return err
}

// serverParts are the service's own parts, and what the code set, for a server
// that replaces its.
func (s *settings) serverParts() []server.Option {
	var opts []server.Option
	if *s.Server != nil {
		opts = serverSettings((*s.Server).Options())
	}
	opts = append(opts, given(s.Registry, server.Registry)...)
	opts = append(opts, given(s.Broker, server.Broker)...)
	return append(opts, given(s.Transport, server.Transport)...)
}

// serverSettings sets what every kind of server has.
func serverSettings(o server.Options) []server.Option {
	opts := []server.Option{
		server.Name(o.Name),
		server.Version(o.Version),
		server.Id(o.Id),
		server.Address(o.Address),
		server.Advertise(o.Advertise),
		server.Metadata(o.Metadata),
		server.RegisterTTL(o.RegisterTTL),
		server.RegisterInterval(o.RegisterInterval),
	}
	if o.Logger != nil {
		opts = append(opts, server.WithLogger(o.Logger))
	}
	for _, w := range o.HdlrWrappers {
		opts = append(opts, server.WrapHandler(w))
	}
	for _, w := range o.SubWrappers {
		opts = append(opts, server.WrapSubscriber(w))
	}
	return opts
}

func (s *settings) chooseStore() error {
	opts := func() []store.Option { return given(s.Client, store.WithClient) }
	_, err := choose(s, "store", s.Store, opts, s.Stores, DefaultStores, builtInStores)
	return err
}

func (s *settings) chooseRuntime() error {
	opts := func() []runtime.Option { return given(s.Client, runtime.WithClient) }
	_, err := choose(s, "runtime", s.Runtime, opts, s.Runtimes, DefaultRuntimes, builtInRuntimes)
	return err
}

func (s *settings) chooseTracer() error {
	chosen, err := choose(s, "tracer", s.Tracer, none, s.Tracers, DefaultTracers)
	if chosen {
		s.server = append(s.server, server.Tracer(*s.Tracer))
	}
	return err
}

func (s *settings) chooseAuth() error {
	opts := func() []auth.Option {
		return append([]auth.Option{auth.Namespace(s.ctx.String("auth_namespace"))}, s.credentials()...)
	}
	chosen, err := choose(s, "auth", s.Auth, opts, s.Auths, DefaultAuths, builtInAuths)
	if credentials := s.credentials(); err == nil && !chosen && s.Auth != nil && len(credentials) > 0 {
		(*s.Auth).Init(credentials...)
	}
	return err
}

func (s *settings) chooseRegistry() error {
	chosen, err := choose(s, "registry", s.Registry, none, s.Registries, DefaultRegistries, builtInRegistries)
	if chosen {
		return s.useRegistry(*s.Registry)
	}
	return err
}

func (s *settings) chooseProfile() error {
	_, err := choose(s, "profile", s.Profile, none, s.Profiles, DefaultProfiles, builtInProfiles)
	return err
}

func (s *settings) chooseBroker() error {
	opts := func() []broker.Option { return given(s.Registry, broker.Registry) }
	chosen, err := choose(s, "broker", s.Broker, opts, s.Brokers, DefaultBrokers, builtInBrokers)
	if chosen {
		s.server = append(s.server, server.Broker(*s.Broker))
		s.client = append(s.client, client.Broker(*s.Broker))
	}
	return err
}

func (s *settings) chooseSelector() error {
	opts := func() []selector.Option { return given(s.Registry, selector.Registry) }
	chosen, err := choose(s, "selector", s.Selector, opts, s.Selectors, DefaultSelectors, builtInSelectors)
	if chosen {
		s.client = append(s.client, client.Selector(*s.Selector))
	}
	return err
}

func (s *settings) chooseTransport() error {
	chosen, err := choose(s, "transport", s.Transport, none, s.Transports, DefaultTransports, builtInTransports)
	if chosen {
		s.server = append(s.server, server.Transport(*s.Transport))
		s.client = append(s.client, client.Transport(*s.Transport))
	}
	return err
}

// chooseConfig is choose for constructors that may fail.
func (s *settings) chooseConfig() error {
	if s.Config == nil {
		return nil
	}
	name, ok := s.other("config", *s.Config)
	if !ok {
		return nil
	}
	newConfig, ok := lookup(name, s.Configs, DefaultConfigs, builtInConfigs)
	if !ok {
		return s.unknown("config", name, names(s.Configs, DefaultConfigs, builtInConfigs))
	}
	made, err := newConfig()
	if err != nil {
		return configuring("config", err)
	}
	*s.Config = made
	return nil
}

// useRegistry hands a registry to the parts that look services up.
func (s *settings) useRegistry(r registry.Registry) error {
	s.server = append(s.server, server.Registry(r))
	s.client = append(s.client, client.Registry(r))
	if s.Selector != nil && *s.Selector != nil {
		if err := (*s.Selector).Init(selector.Registry(r)); err != nil {
			return configuring("registry", err)
		}
	}
	if s.Broker != nil {
		return configuring("broker", (*s.Broker).Init(broker.Registry(r)))
	}
	return nil
}
