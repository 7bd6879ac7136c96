package cmd

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"
)

// checkFlags refuses flags that are defined twice, which cannot be parsed. A
// program's own flag may take a name of --version, which then goes.
func (c *command) checkFlags() error {
	flags := slices.Clone(c.app.Flags)
	if !c.app.HideHelp && cli.HelpFlag != nil && !slices.Contains(flags, cli.HelpFlag) {
		flags = append(flags, cli.HelpFlag)
	}
	defined := map[string]bool{}
	for _, f := range flags {
		for _, name := range f.Names() {
			if defined[name] {
				return fmt.Errorf("the flag %s is defined twice%s", dashed(name), hint(name))
			}
			defined[name] = true
		}
	}
	if cli.VersionFlag != nil && !slices.Contains(flags, cli.VersionFlag) {
		taken := slices.ContainsFunc(cli.VersionFlag.Names(), func(name string) bool { return defined[name] })
		c.app.HideVersion = c.app.HideVersion || taken
	}
	return nil
}

// hint tells what to do about a flag of the framework that a program has, too.
func hint(name string) string {
	framework := append(slices.Clone(DefaultFlags), cli.HelpFlag)
	for _, f := range framework {
		if f != nil && slices.Contains(f.Names(), name) {
			return ": it is one of the framework's, so that the program must name its own otherwise"
		}
	}
	return ""
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// refuseArguments is the Action of programs that have none: nobody would look at
// the arguments.
func refuseArguments(ctx *cli.Context) error {
	if !ctx.Args().Present() {
		return nil
	}
	return fmt.Errorf("command line: unexpected argument %q: flags begin with --, and come before everything else (--help lists them)", ctx.Args().First())
}

// usageError completes the error about a flag. Nothing is printed: who called
// Init is told.
func usageError(_ *cli.Context, err error, _ bool) error {
	return fmt.Errorf("command line: %w (--help lists the flags)", err)
}

// prepareCommands notes the commands of the program, once, and keeps them from
// printing what is wrong.
func (c *command) prepareCommands() {
	c.own.Do(func() {
		c.ownCommands = slices.Clone(c.app.Commands)
		quieten(c.ownCommands)
	})
}

func quieten(commands []*cli.Command) {
	for _, command := range commands {
		if command.OnUsageError == nil {
			command.OnUsageError = usageError
		}
		quieten(command.Subcommands)
	}
}

// asksForHelp reports whether the arguments behind the flags ask for help: by
// the command of that name, or by its flag behind another command.
func (c *command) asksForHelp(ctx *cli.Context) bool {
	args := ctx.Args()
	command := c.app.Command(args.First())
	if command == nil || !args.Present() {
		return false
	}
	if command.HasName("help") && command.HasName("h") && !slices.Contains(c.ownCommands, command) {
		return true
	}
	for _, arg := range args.Tail() {
		if arg == "--" {
			return false
		}
		if name, _, ok := splitFlag(arg); ok && cli.HelpFlag != nil && slices.Contains(cli.HelpFlag.Names(), name) {
			return true
		}
	}
	return false
}
