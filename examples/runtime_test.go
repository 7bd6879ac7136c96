package examples_test

import (
	"strings"
	"testing"
)

func TestRuntimeStartsUpdatesAndStopsTwoServices(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	out, err := run(t, "runtime", "--folder=runtime/services")
	if err != nil {
		t.Fatal(err)
	}
	want := `log of hello: hello, world
log of goodbye: goodbye, world
log of hello: hello, moon
log of hello: hello stops
log of goodbye: goodbye stops
services left: 0
`
	if strings.TrimSpace(out) != strings.TrimSpace(want) {
		t.Errorf("it printed\n%swant\n%s", out, want)
	}
}
