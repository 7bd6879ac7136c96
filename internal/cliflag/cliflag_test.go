package cliflag_test

import (
	"flag"
	"testing"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4/internal/cliflag"
)

func TestCloneRemembersForItself(t *testing.T) {
	t.Setenv("CLIFLAG_TEST", "given")
	originals := []cli.Flag{&cli.StringFlag{Name: "a", Value: "default", EnvVars: []string{"CLIFLAG_TEST"}}}
	clones := cliflag.CloneAll(originals)
	if err := clones[0].Apply(flag.NewFlagSet("test", flag.ContinueOnError)); err != nil {
		t.Fatal(err)
	}
	if original := originals[0].(*cli.StringFlag); original.IsSet() || original.Value != "default" || !clones[0].IsSet() {
		t.Errorf("the original is now %+v", original)
	}
	if none := (*cli.StringFlag)(nil); cliflag.Clone(none) != cli.Flag(none) {
		t.Error("a nil flag has a clone")
	}
}
