//go:build unix

package os_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/runtime/local/build"
	"github.com/justcy/go-micro/v4/runtime/local/process"
	proc "github.com/justcy/go-micro/v4/runtime/local/process/os"
)

// script is an executable: the shell with a script.
func script(t *testing.T, text string, env ...string) *process.Executable {
	t.Helper()
	return &process.Executable{Package: &build.Package{Path: "/bin/sh"}, Args: []string{"-c", text}, Env: env, Dir: t.TempDir()}
}

func TestExecRunsWithArgumentsEnvironmentAndFolder(t *testing.T) {
	exe := script(t, `printf "%s|%s|" "$A" "$B" > out; pwd -P >> out; exit 3`, "A=x y")
	t.Setenv("B", "inherited")
	if err := proc.NewProcess().Exec(exe); err == nil || err.Error() != "exit status 3" {
		t.Errorf("got %v", err)
	}
	text, err := os.ReadFile(filepath.Join(exe.Dir, "out"))
	if want := "x y|inherited|" + exe.Dir + "\n"; string(text) != want {
		t.Errorf("got %q, %v, want %q", text, err, want)
	}
}

func TestAForkedProcessIsSpokenToAndWaitedFor(t *testing.T) {
	p := proc.NewProcess()
	pid, err := p.Fork(script(t, `read -r line; echo "got $line"; echo warned >&2`))
	if err != nil {
		t.Fatal(err)
	}
	if n, err := strconv.Atoi(pid.ID); err != nil || n <= 1 {
		t.Errorf("the id is %q", pid.ID)
	}
	io.WriteString(pid.Input, "this\n")
	out, _ := io.ReadAll(pid.Output)
	warned, _ := io.ReadAll(pid.Error)
	if err := p.Wait(pid); err != nil || string(out) != "got this\n" || string(warned) != "warned\n" {
		t.Errorf("it wrote %q and %q and ended by %v", out, warned, err)
	}
}

func TestKillEndsTheGroupOfAProcess(t *testing.T) {
	p := proc.NewProcess()
	pid, err := p.Fork(script(t, `sh -c 'echo $$; exec sleep 1000' & wait`))
	if err != nil {
		t.Fatal(err)
	}
	if group, _ := syscall.Getpgid(mustInt(t, pid.ID)); group == syscall.Getpgrp() {
		t.Error("the process is in our group")
	}
	line, _ := bufio.NewReader(pid.Output).ReadString('\n')
	inner := mustInt(t, strings.TrimSpace(line))
	if err := p.Kill(pid); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(pid); err == nil || err.Error() != "signal: terminated" {
		t.Errorf("it ended by %v", err)
	}
	testkit.Eventually(t, "what it started is gone", func() bool { return syscall.Kill(inner, 0) != nil })
}

func TestWhatIgnoresBeingToldToEndIsKilledAfterTheGracePeriod(t *testing.T) {
	p := proc.NewProcess(process.GracePeriod(time.Millisecond))
	pid, err := p.Fork(script(t, `trap '' TERM; echo up; while :; do sleep 0.1; done`))
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(pid.Output).ReadString('\n'); line != "up\n" {
		t.Fatal(line, err)
	}
	for range 2 {
		if err := p.Kill(pid); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Wait(pid); err == nil || err.Error() != "signal: killed" {
		t.Errorf("it ended by %v", err)
	}
}

func mustInt(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestIdsThatMeanOtherProcessesAreRefused(t *testing.T) {
	p := proc.NewProcess()
	for _, id := range []string{"", "0", "1", "-1", "x"} {
		if err := p.Kill(&process.PID{ID: id}); err == nil || errors.Is(err, syscall.EPERM) {
			t.Errorf("kill %q: got %v", id, err)
		}
		if err := p.Wait(&process.PID{ID: id}); err == nil {
			t.Errorf("waited for %q", id)
		}
	}
	if p.Kill(nil) == nil || p.Wait(nil) == nil {
		t.Error("no process is one")
	}
}

func TestWhatCannotBeRunIsAnError(t *testing.T) {
	p := proc.NewProcess()
	for _, exe := range []*process.Executable{nil, {}, {Package: &build.Package{}}, {Package: &build.Package{Path: "/no/such/program"}}} {
		if err := p.Exec(exe); err == nil {
			t.Errorf("%+v was run", exe)
		}
		if _, err := p.Fork(exe); err == nil {
			t.Errorf("%+v was forked", exe)
		}
	}
}
