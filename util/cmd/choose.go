package cmd

import (
	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
)

// named is a part that tells what kind it is.
type named interface{ String() string }

// other reports whether a flag asks for another kind than the current part is.
func (s *settings) other(flag string, current named) (name string, ok bool) {
	name, given := s.text(flag)
	return name, given && (current == nil || name != current.String())
}

func (s *settings) chooseClient() error {
	if s.Client == nil {
		return nil
	}
	name, ok := s.other("client", *s.Client)
	if !ok {
		return nil
	}
	newClient, ok := lookup(name, s.Clients, DefaultClients, builtInClients)
	if !ok {
		return unknown("Unsupported client: "+name, name, s.Clients, DefaultClients, builtInClients)
	}
	*s.Client = newClient(s.clientParts()...)
	return nil
}

// clientParts are the service's own parts, and what the code set, for a client
// that replaces its.
func (s *settings) clientParts() []client.Option {
	var opts []client.Option
	if *s.Client != nil {
		opts = clientSettings((*s.Client).Options())
	}
	if s.Registry != nil {
		opts = append(opts, client.Registry(*s.Registry))
	}
	if s.Broker != nil {
		opts = append(opts, client.Broker(*s.Broker))
	}
	if s.Transport != nil {
		opts = append(opts, client.Transport(*s.Transport))
	}
	return opts
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
	if s.Server == nil {
		return nil
	}
	name, ok := s.other("server", *s.Server)
	if !ok {
		return nil
	}
	newServer, ok := lookup(name, s.Servers, DefaultServers, builtInServers)
	if !ok {
		return unknown("Unsupported server: "+name, name, s.Servers, DefaultServers, builtInServers)
	}
	*s.Server = newServer(s.serverParts()...)
	return nil
}

// serverParts are the service's own parts, and what the code set, for a server
// that replaces its.
func (s *settings) serverParts() []server.Option {
	var opts []server.Option
	if *s.Server != nil {
		opts = serverSettings((*s.Server).Options())
	}
	if s.Registry != nil {
		opts = append(opts, server.Registry(*s.Registry))
	}
	if s.Broker != nil {
		opts = append(opts, server.Broker(*s.Broker))
	}
	if s.Transport != nil {
		opts = append(opts, server.Transport(*s.Transport))
	}
	return opts
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
	if s.Store == nil {
		return nil
	}
	name, ok := s.other("store", *s.Store)
	if !ok {
		return nil
	}
	newStore, ok := lookup(name, s.Stores, DefaultStores, builtInStores)
	if !ok {
		return unknown("Unsupported store: "+name, name, s.Stores, DefaultStores, builtInStores)
	}
	var opts []store.Option
	if s.Client != nil {
		opts = append(opts, store.WithClient(*s.Client))
	}
	*s.Store = newStore(opts...)
	return nil
}

func (s *settings) chooseRuntime() error {
	if s.Runtime == nil {
		return nil
	}
	name, ok := s.other("runtime", *s.Runtime)
	if !ok {
		return nil
	}
	newRuntime, ok := lookup(name, s.Runtimes, DefaultRuntimes, builtInRuntimes)
	if !ok {
		return unknown("Unsupported runtime: "+name, name, s.Runtimes, DefaultRuntimes, builtInRuntimes)
	}
	var opts []runtime.Option
	if s.Client != nil {
		opts = append(opts, runtime.WithClient(*s.Client))
	}
	*s.Runtime = newRuntime(opts...)
	return nil
}

func (s *settings) chooseTracer() error {
	if s.Tracer == nil {
		return nil
	}
	current, _ := (*s.Tracer).(named) // most have no name
	name, ok := s.other("tracer", current)
	if !ok {
		return nil
	}
	newTracer, ok := lookup(name, s.Tracers, DefaultTracers)
	if !ok {
		return unknown("Unsupported tracer: "+name, name, s.Tracers, DefaultTracers)
	}
	*s.Tracer = newTracer()
	s.server = append(s.server, server.Tracer(*s.Tracer))
	return nil
}

func (s *settings) chooseAuth() error {
	if s.Auth == nil {
		return nil
	}
	opts := s.credentials()
	name, ok := s.other("auth", *s.Auth)
	if !ok {
		if len(opts) > 0 {
			(*s.Auth).Init(opts...)
		}
		return nil
	}
	newAuth, ok := lookup(name, s.Auths, DefaultAuths, builtInAuths)
	if !ok {
		return unknown("Unsupported auth: "+name, name, s.Auths, DefaultAuths, builtInAuths)
	}
	opts = append([]auth.Option{auth.Namespace(s.ctx.String("auth_namespace"))}, opts...)
	*s.Auth = newAuth(opts...)
	return nil
}

func (s *settings) chooseRegistry() error {
	if s.Registry == nil {
		return nil
	}
	name, ok := s.other("registry", *s.Registry)
	if !ok {
		return nil
	}
	newRegistry, ok := lookup(name, s.Registries, DefaultRegistries, builtInRegistries)
	if !ok {
		return unknown("Registry "+name+" not found", name, s.Registries, DefaultRegistries, builtInRegistries)
	}
	*s.Registry = newRegistry()
	return s.useRegistry(*s.Registry)
}

func (s *settings) chooseProfile() error {
	if s.Profile == nil {
		return nil
	}
	name, ok := s.other("profile", *s.Profile)
	if !ok {
		return nil
	}
	newProfile, ok := lookup(name, s.Profiles, DefaultProfiles, builtInProfiles)
	if !ok {
		return unknown("Unsupported profile: "+name, name, s.Profiles, DefaultProfiles, builtInProfiles)
	}
	*s.Profile = newProfile()
	return nil
}

func (s *settings) chooseBroker() error {
	if s.Broker == nil {
		return nil
	}
	name, ok := s.other("broker", *s.Broker)
	if !ok {
		return nil
	}
	newBroker, ok := lookup(name, s.Brokers, DefaultBrokers, builtInBrokers)
	if !ok {
		return unknown("Broker "+name+" not found", name, s.Brokers, DefaultBrokers, builtInBrokers)
	}
	var opts []broker.Option
	if s.Registry != nil {
		opts = append(opts, broker.Registry(*s.Registry))
	}
	*s.Broker = newBroker(opts...)
	s.server = append(s.server, server.Broker(*s.Broker))
	s.client = append(s.client, client.Broker(*s.Broker))
	return nil
}

func (s *settings) chooseSelector() error {
	if s.Selector == nil {
		return nil
	}
	name, ok := s.other("selector", *s.Selector)
	if !ok {
		return nil
	}
	newSelector, ok := lookup(name, s.Selectors, DefaultSelectors, builtInSelectors)
	if !ok {
		return unknown("Selector "+name+" not found", name, s.Selectors, DefaultSelectors, builtInSelectors)
	}
	var opts []selector.Option
	if s.Registry != nil {
		opts = append(opts, selector.Registry(*s.Registry))
	}
	*s.Selector = newSelector(opts...)
	s.client = append(s.client, client.Selector(*s.Selector))
	return nil
}

func (s *settings) chooseTransport() error {
	if s.Transport == nil {
		return nil
	}
	name, ok := s.other("transport", *s.Transport)
	if !ok {
		return nil
	}
	newTransport, ok := lookup(name, s.Transports, DefaultTransports, builtInTransports)
	if !ok {
		return unknown("Transport "+name+" not found", name, s.Transports, DefaultTransports, builtInTransports)
	}
	*s.Transport = newTransport()
	s.server = append(s.server, server.Transport(*s.Transport))
	s.client = append(s.client, client.Transport(*s.Transport))
	return nil
}

func (s *settings) chooseConfig() error {
	if s.Config == nil {
		return nil
	}
	current, _ := (*s.Config).(named)
	name, ok := s.other("config", current)
	if !ok {
		return nil
	}
	newConfig, ok := lookup(name, s.Configs, DefaultConfigs, builtInConfigs)
	if !ok {
		return unknown("Unsupported config: "+name, name, s.Configs, DefaultConfigs, builtInConfigs)
	}
	made, err := newConfig()
	if err != nil {
		return configuring("config", err)
	}
	*s.Config = made
	return nil
}
