// Package cli is the source of the flags of a urfave/cli command line, with
// their defaults and the environment variables they can be given in.
//
// The name of a flag, the first if it has several, is split at its dashes and
// underscores into keys in lower case: --database-host is the value host of
// database. [source.WithSeparator] sets another separator, for keys that have
// dashes or underscores in them.
//
// Every value is text, a duration 1m30s for example, or a list of texts, and read
// as a number, a boolean or a duration when that is asked for.
package cli

import (
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/config/internal/tree"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/cliflag"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/util/cmd"
)

// parsed is what the option of this package puts into its context.
type parsed struct{ *cli.Context }

// Context sets the context of a command line that was parsed, such as the one
// an Action is called with.
func Context(c *cli.Context) source.Option {
	return func(o *source.Options) { o.Context = options.Put(o.Context, parsed{c}) }
}

// WithContext returns the source of a command line that was parsed.
func WithContext(ctx *cli.Context, opts ...source.Option) source.Source {
	return &commandLine{ctx: ctx, opts: source.NewOptions(opts...)}
}

// NewSource returns the source of the command line in its options. Without one
// the flags of the default service, those of util/cmd, are read from the
// arguments of the process, and arguments that are not among them are ignored.
func NewSource(opts ...source.Option) source.Source {
	c := &commandLine{opts: source.NewOptions(opts...)}
	given, _ := options.Value[parsed](c.opts.Context)
	if c.ctx = given.Context; c.ctx == nil {
		c.ctx = parse(cmd.App(), os.Args[1:])
	}
	return c
}

// parse reads args with copies of the flags of app, which keeps its own as
// they are.
func parse(app *cli.App, args []string) *cli.Context {
	copied := cli.NewApp()
	set := flag.NewFlagSet(app.Name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	copied.Flags = cliflag.CloneAll(app.Flags)
	for _, f := range copied.Flags {
		_ = f.Apply(set) // a variable that is no value of the flag leaves its default
	}
	_ = set.Parse(args)
	return cli.NewContext(copied, set, nil)
}

type commandLine struct {
	opts source.Options
	ctx  *cli.Context
}

func (c *commandLine) String() string { return "cli" }

func (c *commandLine) Read() (*source.ChangeSet, error) {
	var settings []tree.Setting
	for _, f := range c.ctx.App.Flags {
		name := f.Names()[0]
		path, value := tree.Split(name, c.opts.Separator), c.value(f)
		if len(path) > 0 && value != nil {
			settings = append(settings, tree.Setting{Path: path, Value: value, Unset: !c.ctx.IsSet(name)})
		}
	}
	data, err := c.opts.Encoder.Encode(tree.Build(settings))
	if err != nil {
		return nil, fmt.Errorf("encode the command line as %s: %w", c.opts.Encoder, err)
	}
	set := &source.ChangeSet{Data: data, Format: c.opts.Encoder.String(), Source: c.String(), Timestamp: time.Now()}
	set.Checksum = set.Sum()
	return set, nil
}

// value is that of a flag as text, or as a list of texts. A flag that was not
// parsed has none.
func (c *commandLine) value(f cli.Flag) any {
	if generic, ok := f.(*cli.GenericFlag); ok && generic.Value != nil {
		return generic.Value.String() // the context has no values of unknown types
	}
	switch v := c.ctx.Value(f.Names()[0]).(type) {
	case nil:
		return nil
	case cli.StringSlice:
		return list(v.Value())
	case cli.IntSlice:
		return list(v.Value())
	case cli.Int64Slice:
		return list(v.Value())
	case cli.UintSlice:
		return list(v.Value())
	case cli.Uint64Slice:
		return list(v.Value())
	case cli.Float64Slice:
		return list(v.Value())
	case cli.Timestamp:
		return moment(v.Value())
	default:
		return tree.Text(v)
	}
}

// list is never null in JSON.
func list[E any](values []E) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = tree.Text(v)
	}
	return texts
}

// moment is empty for a flag that has none.
func moment(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}

// Write does nothing.
func (c *commandLine) Write(*source.ChangeSet) error { return nil }

// Watch returns a watcher that never sees a change.
func (c *commandLine) Watch() (source.Watcher, error) { return source.NewNoopWatcher() }
