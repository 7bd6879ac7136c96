package cmd

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/transport"
)

// settings carry out one command line.
type settings struct {
	*Options
	ctx *cli.Context

	server []server.Option // for the server, once everything is known
	client []client.Option
}

// apply changes the parts in a fixed order: first which implementations are
// used, then what they are told.
func (s *settings) apply() error {
	for _, step := range []func() error{
		checkLogLevel,
		s.chooseClient,
		s.chooseServer,
		s.chooseStore,
		s.chooseRuntime,
		s.chooseTracer,
		s.chooseAuth,
		s.chooseRegistry,
		s.chooseProfile,
		s.chooseBroker,
		s.chooseSelector,
		s.chooseTransport,
		s.initBroker,
		s.initRegistry,
		s.initTransport,
		s.initStore,
		s.initRuntime,
		s.readServer,
		s.readClient,
		s.initServer,
		s.initClient,
		s.chooseConfig,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// text is a flag's value when it was really given.
func (s *settings) text(flag string) (value string, given bool) {
	value = s.ctx.String(flag)
	return value, value != "" && s.ctx.IsSet(flag)
}

// checkLogLevel refuses a level that the default logger could not use.
func checkLogLevel() error {
	_, err := logger.LevelFromEnvironment()
	return err
}

// origin tells an operator where the value of a flag was given: in a variable or
// on the command line.
func (s *settings) origin(flag string) string {
	value := s.ctx.String(flag)
	for _, f := range s.ctx.App.Flags {
		documented, ok := f.(cli.DocGenerationFlag)
		if !ok || !slices.Contains(f.Names(), flag) {
			continue
		}
		for _, name := range documented.GetEnvVars() {
			if os.Getenv(name) == value {
				return "environment variable " + name
			}
		}
	}
	return "flag --" + flag
}

// list is the value of a flag that takes a comma separated list.
func (s *settings) list(flag string) (values []string, given bool) {
	value, given := s.text(flag)
	if !given {
		return nil, false
	}
	return strings.Split(value, ","), true
}

// number is the value of a flag when it was given or, being a default that
// --help promises, when the code left the option at its own default.
func (s *settings) number(flag string, untouched bool) (value int, use bool) {
	return s.ctx.Int(flag), s.ctx.IsSet(flag) || untouched
}

// configuring completes the error of a part's Init.
func configuring(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("Error configuring %s: %w", part, err)
}

func (s *settings) initBroker() error {
	addrs, given := s.list("broker_address")
	if !given || s.Broker == nil {
		return nil
	}
	return configuring("broker", (*s.Broker).Init(broker.Addrs(addrs...)))
}

func (s *settings) initRegistry() error {
	addrs, given := s.list("registry_address")
	if !given || s.Registry == nil {
		return nil
	}
	return configuring("registry", (*s.Registry).Init(registry.Addrs(addrs...)))
}

func (s *settings) initTransport() error {
	addrs, given := s.list("transport_address")
	if !given || s.Transport == nil {
		return nil
	}
	return configuring("transport", (*s.Transport).Init(transport.Addrs(addrs...)))
}

func (s *settings) initStore() error {
	if s.Store == nil {
		return nil
	}
	var opts []store.Option
	if nodes, given := s.list("store_address"); given {
		opts = append(opts, store.Nodes(nodes...))
	}
	if database, given := s.text("store_database"); given {
		opts = append(opts, store.Database(database))
	}
	if table, given := s.text("store_table"); given {
		opts = append(opts, store.Table(table))
	}
	if len(opts) == 0 {
		return nil
	}
	return configuring("store", (*s.Store).Init(opts...))
}

// initRuntime hands the source on when it was given. The flag's default is that
// of a runtime which was chosen by flag, and has no source of its own.
func (s *settings) initRuntime() error {
	_, chosen := s.text("runtime")
	if s.Runtime == nil || !(chosen || s.ctx.IsSet("runtime_source")) {
		return nil
	}
	source := s.ctx.String("runtime_source")
	if source == "" {
		return nil
	}
	return configuring("runtime", (*s.Runtime).Init(runtime.WithSource(source)))
}

// credentials are the auth options that were given.
func (s *settings) credentials() []auth.Option {
	var opts []auth.Option
	id, idGiven := s.text("auth_id")
	secret, secretGiven := s.text("auth_secret")
	if idGiven || secretGiven {
		opts = append(opts, credential(id, idGiven, secret, secretGiven))
	}
	if key, given := s.text("auth_public_key"); given {
		opts = append(opts, auth.PublicKey(key))
	}
	if key, given := s.text("auth_private_key"); given {
		opts = append(opts, auth.PrivateKey(key))
	}
	if namespace, given := s.text("auth_namespace"); given {
		opts = append(opts, auth.Namespace(namespace))
	}
	return opts
}

// credential is an account of which the part that was not given stays as it is.
func credential(id string, idGiven bool, secret string, secretGiven bool) auth.Option {
	return func(o *auth.Options) {
		if !idGiven {
			id = o.ID
		}
		if !secretGiven {
			secret = o.Secret
		}
		auth.Credentials(id, secret)(o)
	}
}

func (s *settings) readServer() error {
	for _, setting := range []struct {
		flag   string
		option func(string) server.Option
	}{
		{"server_name", server.Name},
		{"server_version", server.Version},
		{"server_id", server.Id},
		{"server_address", server.Address},
		{"server_advertise", server.Advertise},
	} {
		if value, given := s.text(setting.flag); given {
			s.server = append(s.server, setting.option(value))
		}
	}
	md, err := parseMetadata(s.ctx.StringSlice("server_metadata"))
	if err != nil {
		return err
	}
	if len(md) > 0 {
		s.server = append(s.server, server.Metadata(md))
	}
	if s.Server == nil {
		return nil
	}
	o := (*s.Server).Options()
	if ttl, use := s.number("register_ttl", o.RegisterTTL == server.DefaultRegisterTTL); use && ttl >= 0 {
		s.server = append(s.server, server.RegisterTTL(time.Duration(ttl)*time.Second))
	}
	if interval, use := s.number("register_interval", o.RegisterInterval == server.DefaultRegisterInterval); use && interval >= 0 {
		s.server = append(s.server, server.RegisterInterval(time.Duration(interval)*time.Second))
	}
	return nil
}

// parseMetadata splits entries at their first "="; an entry without one is a
// key without a value, and an empty one nothing.
func parseMetadata(entries []string) (map[string]string, error) {
	md := make(map[string]string, len(entries))
	for _, entry := range entries {
		if entry == "" {
			continue
		}
		key, value, _ := strings.Cut(entry, "=")
		if key == "" {
			return nil, fmt.Errorf("failed to parse server_metadata: %q has no key, want key=value", entry)
		}
		md[key] = value
	}
	return md, nil
}

func (s *settings) readClient() error {
	if retries := s.ctx.Int("client_retries"); s.ctx.IsSet("client_retries") && retries >= 0 {
		s.client = append(s.client, client.Retries(retries))
	}
	if size := s.ctx.Int("client_pool_size"); size > 0 {
		s.client = append(s.client, client.PoolSize(size))
	}
	for _, setting := range []struct {
		flag   string
		option func(time.Duration) client.Option
	}{
		{"client_request_timeout", client.RequestTimeout},
		{"client_pool_ttl", client.PoolTTL},
	} {
		value, given := s.text(setting.flag)
		if !given {
			continue
		}
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return fmt.Errorf("failed to parse %s: %s (given by the %s; want a duration such as 500ms, 5s or 1m)", setting.flag, value, s.origin(setting.flag))
		}
		s.client = append(s.client, setting.option(d))
	}
	return nil
}

func (s *settings) initServer() error {
	if s.Server == nil || len(s.server) == 0 {
		return nil
	}
	return configuring("server", (*s.Server).Init(s.server...))
}

func (s *settings) initClient() error {
	if s.Client == nil || len(s.client) == 0 {
		return nil
	}
	return configuring("client", (*s.Client).Init(s.client...))
}
