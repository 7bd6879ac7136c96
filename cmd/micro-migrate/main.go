// Micro-migrate moves a program from go-micro.dev/v4 to this module: it rewrites
// the imports of its Go files, generated ones included, and its go.mod.
//
//	go run github.com/justcy/go-micro/v4/cmd/micro-migrate@latest -n   # says what it would do
//	go run github.com/justcy/go-micro/v4/cmd/micro-migrate@latest
//	go mod tidy && go vet ./...
//
// Usage: micro-migrate [flags] [folder]. The folder is the present one if none is
// given; vendor folders and those whose names begin with a dot or an underscore
// are left alone. Nothing is written unless every file can be read. Running it
// again changes nothing.
//
// Imports of plugins that have a package here are rewritten, too. The others are
// listed and left, unless -plugins says where the program's own copies are, in
// the folders of the plugin repository.
//
// The exit status is 0 when the folder is migrated, 1 when something failed and 2
// for a wrong command line. See docs/migrating.md for what else to look at.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/mod/semver"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

func run(args []string, stdout, stderr io.Writer) (status int) {
	flags := flag.NewFlagSet("micro-migrate", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dry := flags.Bool("n", false, "write nothing, only say what would be changed")
	plugins := flags.String("plugins", "", "import `path` that stands for "+oldPlugins+", where there is no package here")
	version := flags.String("version", releaseVersion(), "`version` of "+newCore+" to require")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return 0
		}
		return 2
	}
	dir := "."
	switch flags.NArg() {
	case 0:
	case 1:
		dir = flags.Arg(0)
	default:
		fmt.Fprintf(stderr, "micro-migrate: one folder at a time: got %s\n", strings.Join(flags.Args(), ", "))
		return 2
	}
	if !semver.IsValid(*version) {
		fmt.Fprintf(stderr, "micro-migrate: -version %s: want a version such as v4.0.0\n", *version)
		return 2
	}
	m := &migration{paths: paths{plugins: strings.TrimRight(*plugins, "/")}, version: *version}
	err := m.plan(dir)
	if err == nil && !*dry {
		err = m.write()
	}
	if err != nil {
		fmt.Fprintf(stderr, "micro-migrate: %v\n", err)
		return 1
	}
	m.report(stdout, *dry)
	return 0
}
