//go:build unix

package child_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/child"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func start(t *testing.T, script string) *child.Child {
	t.Helper()
	c, err := child.Start(child.Spec{Path: "sh", Args: []string{"-c", script}, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Kill()
		<-c.Done()
		c.Stdout.Close()
		c.Stderr.Close()
	})
	return c
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// readPid reads a line that is a process id.
func readPid(t *testing.T, r *bufio.Reader) int {
	t.Helper()
	line, err := r.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestAProgramGetsArgumentsEnvironmentAndFolderAsGiven(t *testing.T) {
	dir := t.TempDir()
	args := []string{"", "-n", "a b", "*", "$HOME", "'\"", "--", "ü\n"}
	out, err := child.Output(t.Context(), child.Spec{
		Path: "/bin/sh", Dir: dir, Env: []string{"A=1", "B= x=y ", "A=2"},
		Args: append([]string{"-c", `for a; do printf '<%s>' "$a"; done; printf '|%s|%s|' "$A" "$B"; pwd -P; cat`, "sh"}, args...),
	})
	real, _ := filepath.EvalSymlinks(dir)
	want := "<" + strings.Join(args, "><") + ">|2| x=y |" + real + "\n"
	if err != nil || out != want {
		t.Errorf("got %q, %v\nwant %q", out, err, want)
	}
}

func TestTheExitStatusIsKept(t *testing.T) {
	for script, want := range map[string]string{
		"exit 0": "", "exit 7": "exit status 7", "kill -KILL $$": "signal: killed",
	} {
		err := child.Run(t.Context(), child.Spec{Path: "/bin/sh", Args: []string{"-c", script}}, nil, nil)
		if (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("%s: got %v, want %q", script, err, want)
		}
		if exit := (*exec.ExitError)(nil); want != "" && !errors.As(err, &exit) {
			t.Errorf("%s: %T is no *exec.ExitError", script, err)
		}
	}
}

func TestWhatCannotBeStartedIsNamedAndLeavesNothing(t *testing.T) {
	testkit.NoLeaks(t)
	for path, want := range map[string]string{
		"no-such-program": "no-such-program", "": "no program", "/dev/null": "/dev/null",
	} {
		_, err := child.Start(child.Spec{Path: path})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("start %q: got %v", path, err)
		}
	}
	if _, err := child.Start(child.Spec{Path: "sh", Dir: "/no/such/folder"}); err == nil {
		t.Error("a program was started in a folder that is not there")
	}
}

func TestStopEndsTheWholeGroup(t *testing.T) {
	t.Parallel()
	c := start(t, `sh -c 'echo $$; while :; do sleep 1; done' & echo $$; wait`)
	out := bufio.NewReader(c.Stdout)
	first, second := readPid(t, out), readPid(t, out)
	if pid := c.Pid(); pid != first && pid != second {
		t.Errorf("Pid is %d, the program's is %d or %d", pid, first, second)
	}
	if err := c.Stop(nil); err != nil {
		t.Fatal(err)
	}
	if c.Err() == nil || c.Err().Error() != "signal: terminated" {
		t.Errorf("it ended by %v", c.Err())
	}
	testkit.Eventually(t, "both processes are gone", func() bool { return !alive(first) && !alive(second) })
	if err := c.Stop(nil); err != nil {
		t.Errorf("stopping again: %v", err)
	}
}

func TestWhatAProgramWroteThatHasEndedIsNotLostEither(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	supervisor := exec.Command(os.Args[0])
	supervisor.Env = append(os.Environ(), supervising+"=echo unread", "CHILD_TEST_LOG="+log, "CHILD_TEST_UNREAD=1")
	out, err := supervisor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "ended\n" {
		t.Error(line, err)
	}
	_ = supervisor.Process.Kill()
	_ = supervisor.Wait()
	testkit.Eventually(t, "the guardian kept the output", func() bool {
		text, _ := os.ReadFile(log)
		return string(text) == "unread\n"
	})
}

func TestWhatIgnoresSIGTERMIsKilledWhenTheTimeIsOver(t *testing.T) {
	c := start(t, `trap '' TERM; echo $$; while :; do sleep 0.1; done`)
	pid := readPid(t, bufio.NewReader(c.Stdout))
	if err := c.Terminate(); err != nil {
		t.Fatal(err)
	}
	expired := make(chan struct{})
	close(expired)
	if err := c.Stop(expired); err != nil {
		t.Fatal(err)
	}
	if c.Err() == nil || c.Err().Error() != "signal: killed" || alive(pid) {
		t.Errorf("it ended by %v", c.Err())
	}
}

func TestAProgramMayTakeItsTimeToEnd(t *testing.T) {
	c := start(t, `trap 'sleep 0.2; echo drained; exit 3' TERM; echo up; while :; do sleep 0.05; done`)
	out := bufio.NewReader(c.Stdout)
	if line, err := out.ReadString('\n'); line != "up\n" {
		t.Fatal(line, err)
	}
	if err := c.Stop(nil); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(out); string(rest) != "drained\n" || c.Err().Error() != "exit status 3" {
		t.Errorf("it wrote %q and ended by %v", rest, c.Err())
	}
}

// What go run starts, for instance, is still draining when go has ended.
func TestEachProcessOfAGroupIsToldOnceToEnd(t *testing.T) {
	t.Parallel()
	c := start(t, `trap 'until [ -e told ]; do sleep 0.01; done; exit' TERM
		sh -c 'trap "echo told; echo > told" TERM; echo up; i=0; while [ $i -lt 20 ]; do [ -e told ] && i=$((i+1)); sleep 0.02; done; echo drained' &
		while :; do sleep 0.01; done`)
	out := bufio.NewReader(c.Stdout)
	if line, err := out.ReadString('\n'); line != "up\n" {
		t.Fatal(line, err)
	}
	if err := c.Stop(nil); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(out); string(rest) != "told\ndrained\n" {
		t.Errorf("it wrote %q", rest)
	}
}

func TestWhatAProgramLeavesBehindEndsWithIt(t *testing.T) {
	t.Parallel()
	c := start(t, `sh -c 'trap "echo bye; exit" TERM; echo $$; while :; do sleep 0.05; done' & sh -c 'echo $$; exec sleep 1000 >/dev/null 2>&1' & wait $!& read -r _; exit 4`)
	out := bufio.NewReader(c.Stdout)
	first, second := readPid(t, out), readPid(t, out)
	if _, err := c.Stdin.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	<-c.Exited()
	if c.Err() == nil || c.Err().Error() != "exit status 4" {
		t.Errorf("it ended by %v", c.Err())
	}
	<-c.Done()
	testkit.Eventually(t, "what was left is gone", func() bool { return !alive(first) && !alive(second) })
	if rest, err := io.ReadAll(out); string(rest) != "bye\n" || err != nil {
		t.Errorf("what was left wrote %q, %v", rest, err)
	}
}

func TestNothingOutlivesAParentThatIsKilledAndNothingItWroteIsLost(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	// The service and what it started write on when they are told to end, and
	// one of them does not end by itself.
	const script = `sh -c 'trap "" TERM; echo $$; while :; do sleep 0.05; done' &
		trap 'sleep 0.2; echo last words; echo and errors >&2; exit' TERM
		echo $$; echo first >&2; while :; do sleep 0.05; done`
	supervisor := exec.Command(os.Args[0])
	supervisor.Env = append(os.Environ(), supervising+"="+script, "CHILD_TEST_LOG="+log)
	out, err := supervisor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	first, second := readPid(t, lines), readPid(t, lines)
	_ = supervisor.Process.Kill()
	_ = supervisor.Wait()
	testkit.Eventually(t, "the processes are gone", func() bool { return !alive(first) && !alive(second) })
	text, _ := os.ReadFile(log)
	for _, line := range []string{"first\n", "last words\n", "and errors\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is not in the log: %q", line, text)
		}
	}
}

// orphan has a script supervised by a process that is killed once the script has
// written its process id.
func orphan(t *testing.T, script string, env ...string) (pid int) {
	t.Helper()
	supervisor := exec.Command(os.Args[0])
	supervisor.Env = append(append(os.Environ(), supervising+"="+script), env...)
	out, err := supervisor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	pid = readPid(t, bufio.NewReader(out))
	_ = supervisor.Process.Kill()
	_ = supervisor.Wait()
	return pid
}

func TestTheGracePeriodIsForThoseToWhoHaveClosedTheirOutputs(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc, and who is in a group is not known")
	}
	dir := t.TempDir()
	ended := filepath.Join(dir, "ended")
	pid := orphan(t, `trap "sleep 3; echo > `+ended+`; exit" TERM; echo $$; exec >/dev/null 2>&1; while :; do sleep 0.05; done`,
		"CHILD_TEST_LOG="+filepath.Join(dir, "log"), "CHILD_TEST_GRACE=10m")
	group, err := syscall.Getpgid(pid)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the process is gone", func() bool { return !alive(pid) })
	if _, err := os.Stat(ended); err != nil {
		t.Error("it was killed before it had ended")
	}
	testkit.Eventually(t, "the guardian is gone", func() bool { return !alive(-group) })
}

func TestLinesOfTwoOutputsStayWholeWhenTheParentIsKilled(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	pid := orphan(t, `trap told=1 TERM; echo $$; until [ $told ]; do sleep 0.05; done
		for i in 1 2 3 4 5; do printf a; printf b >&2; sleep 0.1; echo a; echo b >&2; done; printf end`,
		"CHILD_TEST_LOG="+log, "CHILD_TEST_GRACE=10m")
	testkit.Eventually(t, "the process is gone", func() bool { return !alive(pid) })
	var lines []string
	testkit.Eventually(t, "all lines are in the log", func() bool {
		text, _ := os.ReadFile(log)
		lines = strings.Fields(strings.ReplaceAll(string(text), "Terminated", "")) // a shell says so of its sleep
		return len(lines) >= 11
	})
	slices.Sort(lines)
	if got := strings.Join(lines, " "); got != "aa aa aa aa aa bb bb bb bb bb end" {
		t.Errorf("the log has %s", got)
	}
}

func TestWhatIsWrittenUpToTheEndOfTheGracePeriodIsNotLost(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, last := filepath.Join(dir, "log"), filepath.Join(dir, "last")
	pid := orphan(t, `trap '' TERM; echo $$; i=0; while :; do i=$((i+1)); echo "line $i"; echo "line $i" >`+last+`.new; mv `+last+`.new `+last+`; done`,
		"CHILD_TEST_LOG="+log)
	testkit.Eventually(t, "the process is gone", func() bool { return !alive(pid) })
	written, err := os.ReadFile(last)
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "the log has "+string(written), func() bool {
		text, _ := os.ReadFile(log)
		return strings.Contains(string(text), string(written))
	})
}

func TestACancelledRunLeavesNothing(t *testing.T) {
	testkit.NoLeaks(t)
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer r.Close()
	result := make(chan error, 1)
	go func() {
		result <- child.Run(ctx, child.Spec{Path: "sh", Args: []string{"-c", `echo $$; exec sleep 1000`}}, w, nil)
	}()
	pid := readPid(t, bufio.NewReader(r))
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if alive(pid) {
		t.Error("the program is still there")
	}
}

func TestARunEndsAlthoughSomebodyElseHoldsItsOutput(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("there is no setsid")
	}
	began := time.Now()
	out, err := child.Output(t.Context(), child.Spec{Path: "sh", Args: []string{"-c", `setsid sleep 61 & echo ran $!`}})
	if err != nil || !strings.HasPrefix(out, "ran ") {
		t.Fatal(out, err)
	}
	if took := time.Since(began); took > 50*time.Second {
		t.Errorf("it took %v", took)
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(out[4:])); err == nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func TestOutputsAreBounded(t *testing.T) {
	var b child.Buffer
	for range 100 {
		b.Write([]byte(strings.Repeat("x", 9999) + "\n"))
	}
	b.Write([]byte("the end"))
	if text := b.String(); len(text) > 65<<10 || !strings.HasPrefix(text, "xxx") || !strings.HasSuffix(text, "the end") || !strings.Contains(text, "[…]") {
		t.Errorf("kept %d bytes", len(text))
	}
	_, err := child.Combined(t.Context(), child.Spec{Path: "sh", Args: []string{"-c", "echo why >&2; exit 1"}})
	if err == nil || err.Error() != "exit status 1: why" {
		t.Errorf("got %v", err)
	}
}
