//go:build unix

package runtime_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/runtime"
)

// newRuntime returns a local runtime in a folder of its own. It restarts at once.
func newRuntime(t *testing.T, opts ...runtime.Option) (runtime.Runtime, string) {
	t.Helper()
	testkit.NoLeaks(t)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	opts = append([]runtime.Option{runtime.WithBackoff(func(int) time.Duration { return 0 })}, opts...)
	r := runtime.NewRuntime(opts...)
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Errorf("Stop returned %v", err)
		}
	})
	return r, dir
}

// buffer is the output of services.
type buffer struct{ testkit.Buffer }

// await waits until the output has a text.
func (b *buffer) await(t *testing.T, text string) {
	t.Helper()
	testkit.Eventually(t, "the output has "+text, func() bool { return strings.Contains(b.String(), text) })
}

// create runs a script as a service.
func create(t *testing.T, r runtime.Runtime, s *runtime.Service, script string, opts ...runtime.CreateOption) *buffer {
	t.Helper()
	out := new(buffer)
	opts = append([]runtime.CreateOption{runtime.WithCommand("sh", "-c", script), runtime.WithOutput(out)}, opts...)
	if err := r.Create(s, opts...); err != nil {
		t.Fatal(err)
	}
	return out
}

// status returns the metadata of the only service.
func status(t *testing.T, r runtime.Runtime, opts ...runtime.ReadOption) map[string]string {
	t.Helper()
	all, err := r.Read(opts...)
	if err != nil || len(all) != 1 {
		t.Fatalf("read %v, %v", all, err)
	}
	return all[0].Metadata
}

func awaitStatus(t *testing.T, r runtime.Runtime, want string) {
	t.Helper()
	testkit.Eventually(t, "the service is "+want, func() bool { return status(t, r)["status"] == want })
}

const sleep = `echo up; exec sleep 1000`

func TestAServiceRunsAsItWasCreated(t *testing.T) {
	r, _ := newRuntime(t)
	folder := t.TempDir()
	s := &runtime.Service{Name: "a", Version: "latest", Source: folder, Metadata: map[string]string{"owner": "me"}}
	out := create(t, r, s, `echo "$A|$*|$(pwd -P)"; exit 3`,
		runtime.WithEnv([]string{"A=x y"}), runtime.WithArgs("sh", "1", "2 3"))
	if s.Source != folder || s.Metadata["owner"] != "me" || s.Metadata["status"] == "" {
		t.Errorf("the service became %+v", s)
	}
	out.await(t, "x y|1 2 3|"+folder+"\n")
	awaitStatus(t, r, "error")
	m := status(t, r)
	if m["error"] != "exit status 3" || m["retries"] != "1" || m["owner"] != "me" {
		t.Errorf("metadata is %v", m)
	}
	for _, k := range []string{"started", "lastStatusUpdate"} {
		if _, err := time.Parse(time.RFC3339, m[k]); err != nil {
			t.Error(err)
		}
	}
}

func TestAServiceIsThereOnce(t *testing.T) {
	r, _ := newRuntime(t)
	s := &runtime.Service{Name: "a", Version: "1"}
	create(t, r, s, sleep)
	err := r.Create(s, runtime.WithCommand("true"))
	if err == nil || !strings.Contains(err.Error(), "service already running") || !errors.Is(err, runtime.ErrAlreadyExists) {
		t.Errorf("got %v", err)
	}
	create(t, r, &runtime.Service{Name: "a", Version: "2"}, sleep)
	create(t, r, s, sleep, runtime.CreateNamespace("other"))
}

func TestWhatCannotBeStartedIsForgotten(t *testing.T) {
	r, dir := newRuntime(t, runtime.WithBackoff(func(int) time.Duration {
		t.Error("what cannot be started is to be started again")
		return 0
	}))
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "micro", "logs", "nolog.log"), 0o755); err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct {
		s    runtime.Service
		opts []runtime.CreateOption
		want string
	}{
		"no command": {runtime.Service{Name: "a"}, []runtime.CreateOption{runtime.WithCommand("no-such-program"), runtime.WithRetries(9)}, "no-such-program"},
		"no log":     {runtime.Service{Name: "nolog"}, []runtime.CreateOption{runtime.WithCommand("true")}, "nolog.log"},
		"no source":  {runtime.Service{Name: "a", Source: "/no/such/folder"}, nil, "/no/such/folder"},
		"relative":   {runtime.Service{Name: "a", Source: "./no/such"}, nil, "./no/such"},
		"file":       {runtime.Service{Name: "a", Source: "local_test.go"}, nil, "local_test.go is not a folder"},
		"bad source": {runtime.Service{Name: "a", Source: "github.com/x"}, nil, "github.com/x"},
		"no name":    {runtime.Service{}, nil, "name"},
		"zero":       {runtime.Service{Name: "a\x00"}, nil, "name"},
		"long name":  {runtime.Service{Name: long}, nil, "name"},
		"long ns":    {runtime.Service{Name: "a"}, []runtime.CreateOption{runtime.CreateNamespace(long)}, "name"},
	} {
		if err := r.Create(&c.s, c.opts...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := r.Create(nil); err == nil {
		t.Error("no service was created")
	}
	if all, err := r.Read(); err != nil || len(all) != 0 {
		t.Errorf("read %v, %v", all, err)
	}
}

func TestFailuresAccumulateUpToTheLimit(t *testing.T) {
	waits := make(chan int, 100)
	r, _ := newRuntime(t, runtime.WithBackoff(func(failures int) time.Duration { waits <- failures; return 0 }))
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	out := create(t, r, &runtime.Service{Name: "a"}, "echo run; exit 1", runtime.WithRetries(3))
	testkit.Eventually(t, "it failed four times", func() bool { return status(t, r)["retries"] == "4" })
	awaitStatus(t, r, "error")
	if n := strings.Count(out.String(), "run"); n != 4 {
		t.Errorf("it ran %d times", n)
	}
	for want := 1; want <= 3; want++ {
		if got := <-waits; got != want {
			t.Errorf("waited for failure %d, want %d", got, want)
		}
	}
	if err := r.Update(&runtime.Service{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "an update begins anew", func() bool { return strings.Count(out.String(), "run") == 8 })
}

func TestAStableRunForgivesFailures(t *testing.T) {
	r, _ := newRuntime(t, runtime.WithStableAfter(time.Nanosecond))
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	out := create(t, r, &runtime.Service{Name: "a"}, "echo run; exit 1", runtime.WithRetries(1))
	testkit.Eventually(t, "it ran many times", func() bool { return strings.Count(out.String(), "run") > 5 })
}

func TestOnlyStartWatchesOverServices(t *testing.T) {
	r, _ := newRuntime(t)
	out := create(t, r, &runtime.Service{Name: "a"}, "echo run")
	awaitStatus(t, r, "done")
	if n := strings.Count(out.String(), "run"); n != 1 {
		t.Errorf("it ran %d times", n)
	}
	for range 2 {
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "what ended well is started again", func() bool { return strings.Count(out.String(), "run") > 3 })
	for range 2 {
		if err := r.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	n := strings.Count(out.String(), "run")
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "it runs after a second Start", func() bool { return strings.Count(out.String(), "run") > n })
}

func TestWithoutRetriesAFailureIsFinal(t *testing.T) {
	r, _ := newRuntime(t)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	out := create(t, r, &runtime.Service{Name: "a"}, "echo run; kill -TERM $$")
	awaitStatus(t, r, "error")
	create(t, r, &runtime.Service{Name: "b"}, "true").await(t, "") // and time passes
	if m := status(t, r, runtime.ReadService("a")); m["error"] != "signal: terminated" || strings.Count(out.String(), "run") != 1 {
		t.Errorf("metadata is %v, output %q", m, out)
	}
}

func TestAStoppedServiceIsStopped(t *testing.T) {
	r, _ := newRuntime(t, runtime.WithGracePeriod(50*time.Millisecond))
	create(t, r, &runtime.Service{Name: "a"}, sleep).await(t, "up")
	create(t, r, &runtime.Service{Name: "stubborn"}, `trap '' TERM; echo up; while :; do sleep 0.1; done`).await(t, "up")
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	all, _ := r.Read()
	for _, s := range all {
		if m := s.Metadata; m["status"] != "stopped" || m["error"] != "" || m["retries"] != "" {
			t.Errorf("%s: %v", s.Name, m)
		}
	}
}

func TestDeleteStopsAndForgets(t *testing.T) {
	r, _ := newRuntime(t)
	s := &runtime.Service{Name: "a"}
	out := create(t, r, s, `trap 'echo bye; exit' TERM; echo up; while :; do sleep 0.05; done`)
	out.await(t, "up")
	if err := r.Delete(s, runtime.DeleteNamespace("other")); err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, r, "running")
	for range 2 {
		if err := r.Delete(s); err != nil {
			t.Fatal(err)
		}
	}
	if all, _ := r.Read(); len(all) != 0 || !strings.Contains(out.String(), "bye\n") {
		t.Errorf("left %v, output %q", all, out)
	}
	if err := errors.Join(r.Delete(nil), r.Delete(&runtime.Service{Name: "never"})); err != nil {
		t.Error(err)
	}
	create(t, r, s, sleep)
}

func TestUpdateTakesOverWhatChanged(t *testing.T) {
	r, _ := newRuntime(t)
	before, after := t.TempDir(), t.TempDir()
	s := &runtime.Service{Name: "a", Source: before, Metadata: map[string]string{"k": "1", "gone": "x"}}
	out := create(t, r, s, `echo "$A $(pwd -P)"; exec sleep 1000`, runtime.WithEnv([]string{"A=1"}))
	out.await(t, "1 "+before)
	if err := r.Update(&runtime.Service{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "it was started again", func() bool { return strings.Count(out.String(), "1 "+before) == 2 })
	changed := &runtime.Service{Name: "a", Source: after, Metadata: map[string]string{"k": "2", "status": "mine"}}
	if err := r.Update(changed, runtime.UpdateEnv([]string{"A=2"})); err != nil {
		t.Fatal(err)
	}
	out.await(t, "2 "+after)
	m := status(t, r)
	if m["k"] != "2" || m["gone"] != "" || m["status"] != "running" {
		t.Errorf("metadata is %v", m)
	}
	for _, unknown := range []*runtime.Service{{Name: "b"}, {Name: "a", Version: "2"}, nil} {
		if err := r.Update(unknown); err == nil || !strings.HasPrefix(err.Error(), "Service not found") {
			t.Errorf("got %v", err)
		}
	}
	if err := r.Update(s, runtime.UpdateNamespace("other")); err == nil || !strings.HasPrefix(err.Error(), "Service not found") {
		t.Errorf("got %v", err)
	}
}

func TestAnUpdateThatCannotBeFetchedLeavesTheServiceRunning(t *testing.T) {
	r, _ := newRuntime(t)
	create(t, r, &runtime.Service{Name: "a"}, sleep).await(t, "up")
	started := status(t, r)["started"]
	if err := r.Update(&runtime.Service{Name: "a", Source: "/no/such/folder"}); err == nil {
		t.Error("updated from nowhere")
	}
	if m := status(t, r); m["status"] != "running" || m["started"] != started {
		t.Errorf("metadata is %v", m)
	}
}

func TestReadSelectsAndCopies(t *testing.T) {
	r, _ := newRuntime(t)
	create(t, r, &runtime.Service{Name: "a", Version: "1"}, sleep, runtime.CreateType("x"))
	create(t, r, &runtime.Service{Name: "a", Version: "2"}, sleep)
	create(t, r, &runtime.Service{Name: "b", Version: "1"}, sleep)
	create(t, r, &runtime.Service{Name: "c"}, sleep, runtime.CreateNamespace("other"))
	read := func(opts ...runtime.ReadOption) (names []string) {
		all, err := r.Read(opts...)
		if err != nil || all == nil {
			t.Error(all, err)
		}
		for _, s := range all {
			names = append(names, s.Name+s.Version)
			s.Metadata["status"] = "mine"
		}
		return names
	}
	for want, opts := range map[string][]runtime.ReadOption{
		"a1 a2 b1": nil, "a1 a2": {runtime.ReadService("a")}, "a1 b1": {runtime.ReadVersion("1")}, "a1": {runtime.ReadType("x")},
		"c": {runtime.ReadNamespace("other")}, "": {runtime.ReadNamespace("none")},
	} {
		if got := strings.Join(read(opts...), " "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if m := status(t, r, runtime.ReadService("b")); m["status"] != "running" {
		t.Errorf("a copy is the service: %v", m)
	}
}

func TestAnOutputThatFailsDoesNotStopTheService(t *testing.T) {
	r, _ := newRuntime(t)
	s := &runtime.Service{Name: "a"}
	err := r.Create(s, runtime.WithCommand("sh", "-c", "echo 1; echo 2 >&2; printf 3"), runtime.WithOutput(failing{}))
	if err != nil {
		t.Fatal(err)
	}
	awaitStatus(t, r, "done")
	got := readLog(t, r, s, 10)
	slices.Sort(got)
	if !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("the log has %q", got)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("failed") }

func TestLinesArriveWhole(t *testing.T) {
	r, _ := newRuntime(t)
	long := strings.Repeat("x", 200_000)
	file := filepath.Join(t.TempDir(), "long")
	if err := os.WriteFile(file, []byte(long), 0o644); err != nil {
		t.Fatal(err)
	}
	s := &runtime.Service{Name: "a"}
	pieces := `i=0; while [ $i -lt 50 ]; do printf "piece $i, "; sleep 0.005; i=$((i+1)); done; echo; `
	out := create(t, r, s, `printf 'begin '; printf 'first\n' >&2; echo end; `+pieces+`cat "$F"; echo`, runtime.WithEnv([]string{"F=" + file}))
	awaitStatus(t, r, "done")
	text := out.String()
	if !strings.Contains(text, "begin end\n") || !strings.Contains(text, "first\n") || !strings.Contains(text, "piece 0, piece 1, ") || !strings.Contains(text, "piece 48, piece 49, \n") || !strings.HasSuffix(text, long+"\n") {
		t.Errorf("got %d bytes: %.60q", len(text), text)
	}
}

func TestAGoProgramRunsWithoutACommandAndLeavesNothing(t *testing.T) {
	r, dir := newRuntime(t)
	folder := t.TempDir()
	err := errors.Join(os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module hello\n"), 0o644),
		os.WriteFile(filepath.Join(folder, "main.go"), []byte("package main\nimport \"os\"\nfunc main() { println(os.Args[1]); select {} }\n"), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	out := new(buffer)
	if err := r.Create(&runtime.Service{Name: "a", Source: folder}, runtime.WithArgs("hello"), runtime.WithOutput(out)); err != nil {
		t.Fatal(err)
	}
	out.await(t, "hello")
	if err := r.Delete(&runtime.Service{Name: "a"}); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) != 1 { // the logs
		t.Errorf("left %v, %v", left, err)
	}
}
