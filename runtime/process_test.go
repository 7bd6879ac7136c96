//go:build unix

package runtime_test

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/runtime"
)

const services = 5

// serve is a service that writes numbered lines, alternately to its outputs and in two
// pieces, and records what it wrote in a file of its own: name.pid. Every second process
// crashes by itself. It starts a process that ignores being told to stop.
func serve() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	pid := os.Getpid()
	record, err := os.Create(fmt.Sprintf("%s.%d", os.Getenv("NAME"), pid))
	if err != nil {
		panic(err)
	}
	stubborn := exec.Command("sh", "-c", "trap '' TERM; while :; do sleep 0.1; done")
	stubborn.Stdout = os.Stdout
	if err := stubborn.Start(); err != nil {
		panic(err)
	}
	fmt.Fprintf(record, "pid %d\n", stubborn.Process.Pid)
	write := func(i int, what string) {
		line := fmt.Sprintf("%s %d %d %s\n", os.Getenv("NAME"), pid, i, what)
		out := []*os.File{os.Stdout, os.Stderr}[i%2]
		piece := rand.N(len(line))
		_, err := out.WriteString(line[:piece])
		time.Sleep(time.Duration(rand.N(2)) * time.Millisecond)
		if _, failed := out.WriteString(line[piece:]); err == nil && failed == nil {
			record.WriteString(line)
		}
	}
	life := rand.N(400)
	for i := 0; ; i++ {
		select {
		case <-stop:
			write(i, "last words")
			os.Exit(0)
		default:
		}
		if write(i, strings.Repeat("x", rand.N(200))); i > life && pid%2 == 0 {
			os.Exit(3)
		}
		time.Sleep(time.Millisecond)
	}
}

// supervise runs the services until it is killed. It updates them all the time.
func supervise() error {
	r := runtime.NewRuntime(runtime.WithGracePeriod(200*time.Millisecond), runtime.WithLogRotation(20_000, 1000),
		runtime.WithBackoff(func(int) time.Duration { return 10 * time.Millisecond }))
	if err := r.Start(); err != nil {
		return err
	}
	for i := range services {
		s := &runtime.Service{Name: "service" + strconv.Itoa(i)}
		err := r.Create(s, runtime.WithCommand(os.Args[0]), runtime.WithRetries(1000),
			runtime.WithEnv([]string{role + "=service", "NAME=" + s.Name}))
		if err != nil {
			return err
		}
	}
	fmt.Println("up")
	for i := 0; ; i++ {
		time.Sleep(time.Duration(rand.N(50)) * time.Millisecond)
		if err := r.Update(&runtime.Service{Name: "service" + strconv.Itoa(i%services)}); err != nil {
			return err
		}
		fmt.Println("updated")
	}
}

// Five services crash and are updated, then their supervisor is killed by a
// signal that it cannot catch, in the middle of it.
func TestASupervisorThatIsKilledLeavesNoProcessAndLosesNoLine(t *testing.T) {
	dir := t.TempDir()
	supervisor := exec.Command(os.Args[0])
	supervisor.Dir = dir
	supervisor.Env = append(os.Environ(), role+"=supervisor", "TMPDIR="+dir)
	supervisor.Stderr = os.Stderr
	out, err := supervisor.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := supervisor.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for n := 0; n < 1+services && lines.Scan(); n++ { // until each was updated
	}
	_ = supervisor.Process.Kill()
	_ = supervisor.Wait()
	testkit.Eventually(t, "every process is gone", func() bool {
		_, pids := readRecords(t, dir)
		return !slices.ContainsFunc(pids, alive)
	})
	records, _ := readRecords(t, dir) // with the last words
	checkLogs(t, dir, records)
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// readRecords returns the lines that services wrote, by service, and their
// processes.
func readRecords(t *testing.T, dir string) (map[string][]string, []int) {
	t.Helper()
	records, pids := map[string][]string{}, []int(nil)
	for i := range services {
		name := "service" + strconv.Itoa(i)
		files, err := filepath.Glob(filepath.Join(dir, name+".*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if pid, err := strconv.Atoi(strings.TrimPrefix(filepath.Ext(file), ".")); err == nil {
				pids = append(pids, pid)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if pid, found := strings.CutPrefix(line, "pid "); found {
					n, _ := strconv.Atoi(strings.TrimSpace(pid))
					pids = append(pids, n)
				} else {
					records[name] = append(records[name], strings.TrimSpace(line))
				}
			}
		}
	}
	return records, pids
}

// checkLogs compares the logs with the records: each line is in the log of its
// service, and whole. What was written when the supervisor died may be there twice.
func checkLogs(t *testing.T, dir string, records map[string][]string) {
	t.Helper()
	t.Setenv("TMPDIR", dir)
	reader := runtime.NewRuntime()
	written := 0
	for i := range services {
		name := "service" + strconv.Itoa(i)
		written += len(records[name])
		logged := map[string]bool{}
		for _, line := range readLog(t, reader, &runtime.Service{Name: name}, 1<<30) {
			logged[strings.TrimSpace(line)] = true
		}
		lost := 0
		for _, line := range records[name] {
			if !logged[line] {
				if lost++; lost < 3 {
					t.Errorf("lost: %q", line)
				}
			}
		}
		t.Logf("%s: %d lines written, %d logged, %d lost", name, len(records[name]), len(logged), lost)
	}
	if written == 0 {
		t.Error("no service wrote anything")
	}
}

// readLog returns the last lines of a service's log.
func readLog(t *testing.T, r runtime.Runtime, s *runtime.Service, count int64, opts ...runtime.LogsOption) []string {
	t.Helper()
	logs, err := r.Logs(s, append(opts, runtime.LogsCount(count))...)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for record := range logs.Chan() {
		lines = append(lines, record.Message)
	}
	if err := errors.Join(logs.Error(), logs.Stop()); err != nil {
		t.Error(err)
	}
	return lines
}
