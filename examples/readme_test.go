package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
)

// firstProgram builds the first program of the README, and returns its name
// among the other programs.
func firstProgram(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```go\n(package main\n.*?)```").FindSubmatch(readme)
	if code == nil {
		t.Fatal("the README has no program")
	}
	source := filepath.Join(t.TempDir(), "main.go")
	if err := os.WriteFile(source, code[1], 0o600); err != nil {
		t.Fatal(err)
	}
	const name = "readme"
	if out, err := exec.Command("go", "build", "-ldflags=-w", "-o", filepath.Join(bin, name), source).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return name
}

func TestFirstProgramOfTheReadmeEndsWell(t *testing.T) {
	t.Parallel()
	name := firstProgram(t)
	if out, log, err := runLogged(t, name, "--help"); err != nil || log != "" || !strings.Contains(out, "MICRO_REGISTRY") {
		t.Errorf("--help: %v, printed %q, logged %q", err, out, log)
	}
	p := start(t, name, "--registry=memory", "--server_address=127.0.0.1:0")
	testkit.EventuallyWithin(t, patience, "the program serves", func() bool { return strings.Contains(p.logged(), "Registering node") })
	if lines := stop(t, p); len(lines) > 0 || strings.Contains(p.logged(), "nil") || strings.Contains(p.logged(), "level=error") {
		t.Errorf("when it was told to stop it printed %q and logged\n%s", lines, p.logged())
	}
}
