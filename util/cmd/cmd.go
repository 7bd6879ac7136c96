// Package cmd configures a service from its command line and environment: which
// implementation of each part is used, and with what settings.
//
// A service does this once, in its Init. What was really given, as a flag or as
// a MICRO_* variable, wins over what the program's code set, and that wins over
// the defaults of flags; a flag wins over its variable.
//
// An implementation is known by name once its package is imported, because it
// adds itself to one of the Default maps, such as [DefaultRegistries], or once
// it was given to a Cmd with an option, such as [NewRegistry]. The built-in ones
// are always known.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/auth"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/cache"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/debug/profile"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/internal/cliflag"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/runtime"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/transport"
)

// Cmd is a command line with the flags of a service. It is not meant for
// concurrent use.
type Cmd interface {
	// App is the command line itself. Flags may be appended to it and its
	// Action replaced before Init.
	App() *cli.App
	// Init applies options, and then the arguments of the process and its
	// environment to the parts that the options point to. It prints what
	// --help asks for. The process is never ended, and nothing printed of what
	// is wrong: that is returned. Arguments that are no flags are an error,
	// unless the Action of the App was replaced.
	Init(opts ...Option) error
	// Options returns the current options.
	Options() Options
}

// Answerer is an optional interface of a Cmd.
type Answerer interface {
	// Answered reports whether the last Init printed what --help or --version
	// asks for, so that there is nothing left for the program to do.
	Answered() bool
}

// ErrAnswered says that the command line asked for help or for the version, and
// was answered. Init does not return it: a Cmd that is an [Answerer] tells.
var ErrAnswered = errors.New("the command line asked for help or for the version, and was answered")

// DefaultCmd is the command line of the first service of a process.
var DefaultCmd Cmd = NewCmd()

// App returns the command line of DefaultCmd.
func App() *cli.App { return DefaultCmd.App() }

// Init initialises DefaultCmd.
func Init(opts ...Option) error { return DefaultCmd.Init(opts...) }

// DefaultOptions returns the options of DefaultCmd.
func DefaultOptions() Options { return DefaultCmd.Options() }

// description is the usage text of a service that gives none.
const description = "a go-micro service"

// NewCmd makes a command line that, unless its options say otherwise, works on
// the packages' defaults, such as registry.DefaultRegistry.
func NewCmd(opts ...Option) Cmd {
	c := &command{opts: Options{
		Auth:      &auth.DefaultAuth,
		Broker:    &broker.DefaultBroker,
		Cache:     &cache.DefaultCache,
		Client:    &client.DefaultClient,
		Config:    &config.DefaultConfig,
		Profile:   &profile.DefaultProfile,
		Registry:  &registry.DefaultRegistry,
		Runtime:   &runtime.DefaultRuntime,
		Selector:  &selector.DefaultSelector,
		Server:    &server.DefaultServer,
		Store:     &store.DefaultStore,
		Tracer:    &trace.DefaultTracer,
		Transport: &transport.DefaultTransport,

		Description: description,
		Context:     context.Background(),

		// Copies, so that options of one Cmd do not show in another.
		Auths:      maps.Clone(DefaultAuths),
		Brokers:    maps.Clone(DefaultBrokers),
		Caches:     maps.Clone(DefaultCaches),
		Clients:    maps.Clone(DefaultClients),
		Configs:    maps.Clone(DefaultConfigs),
		Profiles:   maps.Clone(DefaultProfiles),
		Registries: maps.Clone(DefaultRegistries),
		Runtimes:   maps.Clone(DefaultRuntimes),
		Selectors:  maps.Clone(DefaultSelectors),
		Servers:    maps.Clone(DefaultServers),
		Stores:     maps.Clone(DefaultStores),
		Tracers:    maps.Clone(DefaultTracers),
		Transports: maps.Clone(DefaultTransports),
	}}
	options.To(&c.opts, opts)
	c.app = c.newApp()
	return c
}

// command is the one implementation of Cmd.
type command struct {
	app *cli.App

	own         sync.Once
	ownCommands []*cli.Command // of the program

	mu       sync.Mutex // guards what follows
	opts     Options
	applied  bool // the last run came as far as the flags
	answered bool // the last run printed what was asked for, and no more
}

func (c *command) App() *cli.App { return c.app }

func (c *command) Options() Options {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opts
}

func (c *command) newApp() *cli.App {
	app := cli.NewApp()
	app.Name = "" // a service puts its own name here, unless an option does
	app.Flags = cliflag.CloneAll(DefaultFlags)
	app.Before = c.before
	app.Action = refuseArguments
	// The program decides what an error means to its exit status.
	app.ExitErrHandler = func(*cli.Context, error) {}
	app.OnUsageError = usageError
	c.describe(app)
	return app
}

// describe gives app the name, version and usage text of the options.
func (c *command) describe(app *cli.App) {
	o := c.Options()
	if o.Name != "" {
		app.Name = o.Name
	}
	app.Version = o.Version
	app.HideVersion = o.Version == ""
	app.Usage = o.Description
}

func (c *command) Init(opts ...Option) error {
	o := c.Options()
	options.To(&o, opts)
	c.mu.Lock()
	c.opts = o
	c.applied, c.answered = false, false
	c.mu.Unlock()
	c.describe(c.app)
	c.prepareCommands()
	if err := c.checkFlags(); err != nil {
		return fmt.Errorf("command line: %w", err)
	}
	err := c.app.RunContext(o.Context, arguments(c.app))
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered = err == nil && !c.applied
	return err
}

func (c *command) Answered() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered
}

// before runs when the command line has been read, ahead of the user's action.
func (c *command) before(ctx *cli.Context) error {
	if c.asksForHelp(ctx) {
		return nil
	}
	c.mu.Lock()
	c.applied = true
	o := c.opts
	c.mu.Unlock()
	return (&settings{Options: &o, ctx: ctx}).apply()
}
