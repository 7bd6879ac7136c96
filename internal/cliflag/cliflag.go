// Package cliflag copies the flags of command lines. A flag of urfave/cli keeps
// in itself what was parsed, so that flags which are used twice remember.
package cliflag

import (
	"flag"
	"reflect"
	"slices"

	"github.com/urfave/cli/v2"
)

// Clone returns a copy of a flag for a command line of its own. Flags that are
// no pointers to a struct are returned as they are.
func Clone(f cli.Flag) cli.Flag {
	original := reflect.ValueOf(f)
	if original.Kind() != reflect.Pointer || original.IsNil() || original.Elem().Kind() != reflect.Struct {
		return f
	}
	c := reflect.New(original.Type().Elem())
	c.Elem().Set(original.Elem())
	if clone, ok := c.Interface().(cli.Flag); ok {
		return clone
	}
	return f
}

// Missing returns clones of those of the flags which share no name with any that
// there are.
func Missing(flags, there []cli.Flag) []cli.Flag {
	taken := map[string]bool{}
	for _, f := range there {
		for _, name := range f.Names() {
			taken[name] = true
		}
	}
	var missing []cli.Flag
	for _, f := range flags {
		if !slices.ContainsFunc(f.Names(), func(name string) bool { return taken[name] }) {
			missing = append(missing, Clone(f))
		}
	}
	return missing
}

// UnderTest reports whether the process is a test, whose command line is that of
// go test. The package testing, which knows it as well, is not linked for it.
func UnderTest() bool { return flag.Lookup("test.v") != nil }

// CloneAll clones each of the flags.
func CloneAll(flags []cli.Flag) []cli.Flag {
	clones := make([]cli.Flag, len(flags))
	for i, f := range flags {
		clones[i] = Clone(f)
	}
	return clones
}
