package micro

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/internal/cliflag"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/util/cmd"
)

// exitFailure is the status of a program whose command line cannot be used.
const exitFailure = 1

// program holds the flags that the program gave to any of its services: they all
// read the one command line of the process.
var program programFlags

type programFlags struct {
	mu   sync.Mutex
	list []cli.Flag
}

func (p *programFlags) add(flags []cli.Flag) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.list = append(p.list, flags...)
}

// missing are the flags that a command line does not know yet.
func (p *programFlags) missing(there []cli.Flag) []cli.Flag {
	p.mu.Lock()
	defer p.mu.Unlock()
	return cliflag.Missing(slices.Clone(p.list), there)
}

// parseCommandLine lets flags and environment change the parts of the service.
func (s *service) parseCommandLine() error {
	o := s.Options()
	bare := s.bareClient()
	sel := bare.Options().Selector
	app := o.Cmd.App()
	app.Name = cmp.Or(app.Name, o.Server.Options().Name)
	app.Flags = append(app.Flags, program.missing(app.Flags)...)
	err := o.Cmd.Init(
		cmd.Auth(&o.Auth),
		cmd.Broker(&o.Broker),
		cmd.Cache(&o.Cache),
		cmd.Client(&bare),
		cmd.Config(&o.Config),
		cmd.Profile(&o.Profile),
		cmd.Registry(&o.Registry),
		cmd.Runtime(&o.Runtime),
		cmd.Selector(&sel),
		cmd.Server(&o.Server),
		cmd.Store(&o.Store),
		cmd.Transport(&o.Transport),
		versionOf(o.Server),
	)
	if err != nil {
		return err
	}
	if s.answered() {
		return cmd.ErrAnswered
	}
	o.Client = bare
	s.set(o, nil)
	return failed("server", o.Server.Init(s.guard(&o)...))
}

// versionOf has --version print the version of a server, unless the program says
// what it prints.
func versionOf(s server.Server) cmd.Option {
	return func(o *cmd.Options) { o.Version = cmp.Or(o.Version, s.Options().Version) }
}

// answered reports whether Init printed what --help or --version asks for.
func (s *service) answered() bool {
	c, ok := s.Options().Cmd.(cmd.Answerer)
	return ok && c.Answered()
}

// conclude does what has to follow when the command line was read: it ends the
// program, unless that wants to be told instead or is a test.
func (s *service) conclude(err error) {
	tell := s.Options().onInitError
	switch {
	case err == nil:
	case tell != nil:
		s.remember(err)
		tell(err)
	case cliflag.UnderTest():
		s.keep(err)
	default:
		exit(s.Options().Cmd.App().ErrWriter, err)
	}
}

// exit ends the program with what an error means to those who started it.
func exit(out io.Writer, err error) {
	if errors.Is(err, cmd.ErrAnswered) {
		os.Exit(0)
	}
	if out == nil {
		out = os.Stderr
	}
	if text := err.Error(); text != "" {
		fmt.Fprintf(out, "%s: %s\n", filepath.Base(os.Args[0]), text)
	}
	status := exitFailure
	if coder := cli.ExitCoder(nil); errors.As(err, &coder) { // an Action chose it
		status = coder.ExitCode()
	}
	os.Exit(status)
}
