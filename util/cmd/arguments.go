package cmd

import (
	"flag"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/internal/cliflag"
)

// arguments are those of the process. In a test binary they go without the
// flags that Go's flag package knows and app does not: those of the testing
// package, and of the tests.
func arguments(app *cli.App) []string {
	if !cliflag.UnderTest() {
		return os.Args
	}
	return withoutTestFlags(os.Args, func(name string) bool {
		return slices.ContainsFunc(app.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), name) })
	})
}

// withoutTestFlags keeps the arguments that are flags of our own, and those
// that are no flags of Go's flag package either.
func withoutTestFlags(args []string, own func(name string) bool) []string {
	var kept []string
	for i := 0; i < len(args); i++ {
		name, value, ok := splitFlag(args[i])
		known := flag.Lookup(name)
		if !ok || own(name) || known == nil && !strings.HasPrefix(name, "test.") {
			kept = append(kept, args[i])
			continue
		}
		if !value && takesValue(known) {
			i++
		}
	}
	return kept
}

// splitFlag returns the name of the flag in one argument, and whether its value
// is in the same argument.
func splitFlag(arg string) (name string, value, ok bool) {
	if !strings.HasPrefix(arg, "-") {
		return "", false, false
	}
	name, _, value = strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name, value, name != ""
}

func takesValue(f *flag.Flag) bool {
	if f == nil {
		return false
	}
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return !ok || !b.IsBoolFlag()
}
