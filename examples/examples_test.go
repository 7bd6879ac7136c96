// Package examples_test builds the example programs and runs them as processes,
// the way a newcomer does.
package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
)

// patience bounds one process. The machines that run this may be slow.
const patience = 90 * time.Second

var bin string // where TestMain puts the programs

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "examples")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	args := []string{"build", "-ldflags=-w", "-o", dir + string(filepath.Separator), "./helloworld", "./greeter/srv", "./greeter/cli", "./stream", "./noproto", "./wrapper", "./metadata", "./graceful", "./service",
		"./pubsub/main", "./pubsub/server", "./pubsub/client", "./event", "./internal/delivery",
		"./config", "./flags", "./options", "./store", "./cache", "./runtime", "./gateway", "./http", "./web",
		"./heartbeat", "./mocking", "./tracing", "./waitgroup", "./filter", "./sharding", "./roundrobin", "./shutdown", "./getip", "./function", "./auth", "./secure", "./redirect"}
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%v: %s\n", err, out)
		return 1
	}
	return m.Run()
}

// run runs a program to its end and returns what it printed on its standard output.
func run(t *testing.T, program string, args ...string) (string, error) {
	t.Helper()
	out, _, err := runLogged(t, program, args...)
	return out, err
}

// runLogged is run, and returns the standard error as well.
func runLogged(t *testing.T, program string, args ...string) (printed, logged string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(bin, program), args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%s %v: %w\n%s%s", program, args, err, stdout.String(), stderr.String())
	}
	return stdout.String(), stderr.String(), err
}

// process is a program that runs until it is told to stop.
type process struct {
	*exec.Cmd
	stdin  io.Writer
	lines  chan string // of its standard output; closed at its end
	mu     sync.Mutex
	stderr bytes.Buffer
}

func start(t *testing.T, program string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(filepath.Join(bin, program), args...), lines: make(chan string, 10000)}
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.stdin, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	p.Stderr = p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() })
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(stdout); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	return p
}

// Write keeps what the process writes to its standard error.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.Write(b)
}

// logged is what the process wrote to its standard error.
func (p *process) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stderr.String()
}

// await waits for the process to print a line, passing over others.
func (p *process) await(t *testing.T, want string) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.mu.Lock()
				defer p.mu.Unlock()
				t.Fatalf("%v ended without printing %q\n%s", p.Args, want, p.stderr.String())
			}
			if line == want {
				return
			}
		case <-timeout:
			t.Fatalf("%v did not print %q within %v", p.Args, want, patience)
		}
	}
}

// rest returns the remaining output once the process has ended by itself.
func (p *process) rest(t *testing.T) []string {
	t.Helper()
	var lines []string
	timeout := time.After(patience)
	for {
		select {
		case line, ok := <-p.lines:
			if ok {
				lines = append(lines, line)
				continue
			}
			if err := p.Wait(); err != nil {
				t.Fatalf("%v: %v\n%s\n%s", p.Args, err, strings.Join(lines, "\n"), p.stderr.String())
			}
			return lines
		case <-timeout:
			t.Fatalf("%v did not end within %v\n%s", p.Args, patience, strings.Join(lines, "\n"))
		}
	}
}

func TestExamplesPrintWhatTheyPromise(t *testing.T) {
	for _, tt := range []struct {
		program string
		want    []string
	}{
		{"helloworld", []string{"Hello John"}},
		{"metadata", []string{"Hallo John"}},
		{"graceful", []string{"stopping", "call: finished", "stopped"}},
		{"wrapper", []string{
			"client: calling wrapper Greeter.Hello",
			"server: serving Greeter.Hello",
			"server: served Greeter.Hello",
			"Hello John",
		}},
		{"main", []string{
			"function: order 1 of a lamp", "method: bill John for the lamp", "method: pack lamp",
			"queue: one carried 5 parcels, the other 5",
		}},
		{"event", []string{
			"Anna packs order 1 from Berlin", "Bert packs order 2 from Berlin",
			"the auditor notes order 1 from Berlin", "the auditor notes order 2 from Berlin",
			"order 3 fails", "order 3 came again and is done",
			"replayed order 1", "replayed order 2", "replayed order 3",
		}},
		{"service", []string{"apple costs 2", "pear costs 3", "404 no item plum", "400 price of plum is negative", "health: ok"}},
		{"config", []string{"port: 8080", "timeout: 5s", "retries: 3", "greeting: Good morning"}},
		{"store", storeLines(1)},
		{"cache", []string{"asking for the weather in Berlin", "Berlin: sunny", "Berlin: sunny"}},
		{"http", []string{"Hello Ada"}},
		{"mocking", []string{"Hello John, and welcome", "Welcome, whoever you are"}},
		{"tracing", []string{
			"Hello John", "outbound front.Greeter.Hello", "  inbound front.Greeter.Hello",
			"    outbound back.Greeter.Hello", "      inbound back.Greeter.Hello",
		}},
		{"waitgroup", []string{"Hello John", "stopping", "the letter to John is written", "stopped"}},
		{"filter", []string{"Hello John from version 2.0.0", "Hello John from version 2.0.0", "Hello John from version 1.0.0"}},
		{"sharding", []string{
			"Hello Anna, for the 1. time", "Hello Bert, for the 1. time", "Hello Anna, for the 2. time",
			"Hello Carl, for the 1. time", "Hello Bert, for the 2. time", "Hello Anna, for the 3. time",
		}},
		{"roundrobin", []string{"map[Anna:3 Bert:3 Carl:3]"}},
		{"shutdown", []string{
			"before start: open what the service needs", "after start: the service can be called",
			"before stop: the service can still be called", "after stop: close what it needed", "the end",
		}},
		{"getip", []string{"you call from 127.0.0.1"}},
		{"function", []string{"Hello John", "the function has ended"}},
		{"redirect", []string{"/to/go 301 https://go.dev/", "/to/nowhere 404"}},
		{"stream", []string{"count: 0", "count: 1", "count: 2", "sum: 6", "double: 2", "double: 4", "double: 6"}},
	} {
		t.Run(tt.program, func(t *testing.T) { prints(t, tt.program, tt.want...) })
	}
}

// prints runs a program that ends by itself, prints these lines and has nothing to
// complain of.
func prints(t *testing.T, program string, want ...string) {
	t.Helper()
	out, log, err := runLogged(t, program)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(log, "level=warn") || strings.Contains(log, "level=error") {
		t.Errorf("logged that something is wrong:\n%s", log)
	}
	if got := strings.Split(strings.TrimSpace(out), "\n"); !slices.Equal(got, want) {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// The registry is the program's own, and it waits for two lifetimes.
func TestARegistrationWithoutHeartbeatExpires(t *testing.T) {
	t.Parallel()
	prints(t, "heartbeat", "at first: alive is registered", "at first: silent is registered", "later: alive is registered", "later: silent is gone")
}

// TestHelpEndsExamplesWithSuccess tries each of those that are services.
func TestHelpEndsExamplesWithSuccess(t *testing.T) {
	for _, program := range []string{"helloworld", "srv", "cli", "stream", "noproto", "wrapper", "metadata", "graceful", "service", "main", "server", "client", "flags", "options"} {
		if out, log, err := runLogged(t, program, "--help"); err != nil || log != "" || !strings.Contains(out, "MICRO_REGISTRY") {
			t.Errorf("%s --help: %v, printed\n%s\nlogged\n%s", program, err, out, log)
		}
	}
}

// storeLines is what the store example prints when it is run that often.
func storeLines(runs int) []string {
	return []string{fmt.Sprint("run: ", runs), "price/apple: 2", "price/pear: 3", "next page: [price/plum]", "offer: plums, for 1h0m0s", "offer: not found"}
}

func TestTheFileStoreOutlivesItsProcess(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()) // where the store keeps its files
	for i := range 2 {
		out, err := run(t, "store", "--store", "file")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Split(strings.TrimSpace(out), "\n"); !slices.Equal(got, storeLines(i+1)) {
			t.Errorf("printed %q, want %q", got, storeLines(i+1))
		}
	}
}

func TestNoprotoAnswersPlainHTTP(t *testing.T) {
	addr := "127.0.0.1:" + strconv.Itoa(testkit.FreePort(t))
	srv := start(t, "noproto", "--server_address", addr)
	var answer string
	testkit.EventuallyWithin(t, patience, "noproto answers", func() bool {
		req, _ := http.NewRequest(http.MethodPost, "http://"+addr, strings.NewReader(`{"terms":[1,2,3]}`))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Micro-Endpoint", "Adder.Add")
		rsp, err := http.DefaultClient.Do(req)
		if err != nil {
			return false
		}
		defer rsp.Body.Close()
		body, err := io.ReadAll(rsp.Body)
		answer = string(body)
		return err == nil
	})
	if want := `{"sum":6}` + "\n"; answer != want {
		t.Errorf("answered %q, want %q", answer, want)
	}
	stop(t, srv)
}

// One process publishes to two others, which share the messages.
func TestSubscribersOfAQueueShareTheMessages(t *testing.T) {
	first, second := start(t, "server"), start(t, "server")
	first.await(t, "subscribed")
	second.await(t, "subscribed")
	if out, err := run(t, "client", "--orders", "40"); err != nil || !strings.Contains(out, "published order 40") {
		t.Fatalf("%v\n%s", err, out)
	}
	stopped := [][]string{stop(t, first), stop(t, second)}
	got := slices.Concat(stopped...)
	slices.Sort(got)
	var want []string
	for i := range 40 {
		want = append(want, fmt.Sprintf("received order %d of a lamp", i+1))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("received %q, want each order once", stopped)
	}
}

// stop tells a process to stop, and expects it to end well.
// It returns what the process still printed.
func stop(t *testing.T, p *process) []string {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return p.rest(t)
}

// A client finds two servers by multicast and calls them a thousand times. One of
// them is stopped with SIGTERM in the middle, and the other takes over.
func TestNoCallFailsWhenOneOfTwoServersStops(t *testing.T) {
	first := start(t, "srv", "--server_id", "first")
	awaitServers(t, "first")
	second := start(t, "srv", "--server_id", "second")
	awaitServers(t, "first", "second")

	caller := start(t, "cli", "--calls", "1000", "--pause", "1ms")
	select {
	case line := <-caller.lines: // printed after the first of the calls
		if line != "Hello John" {
			t.Fatalf("client printed %q, want %q", line, "Hello John")
		}
	case <-time.After(patience):
		t.Fatal("the client made no call")
	}
	stop(t, first)

	answered := counts(t, caller.rest(t))
	if answered["second"] == 0 {
		t.Errorf("the second server did not take over: %v", answered)
	}
	if total := answered["first"] + answered["second"]; total != 1000 {
		t.Errorf("%d of 1000 calls answered: %v", total, answered)
	}
	stop(t, second)
}

// awaitServers waits until a client finds all the named servers.
func awaitServers(t *testing.T, names ...string) {
	t.Helper()
	var last error
	testkit.EventuallyWithin(t, patience, "clients find "+strings.Join(names, " and "), func() bool {
		out, err := run(t, "cli", "--calls", "20")
		if last = err; err != nil {
			return false
		}
		answered := counts(t, strings.Split(out, "\n"))
		return !slices.ContainsFunc(names, func(name string) bool { return answered[name] == 0 })
	})
	if last != nil {
		t.Fatal(last)
	}
}

var answeredBy = regexp.MustCompile(`^(\d+) calls answered by (\S+)$`)

func counts(t *testing.T, lines []string) map[string]int {
	t.Helper()
	answered := map[string]int{}
	for _, line := range lines {
		if m := answeredBy.FindStringSubmatch(line); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			answered[m[2]] = n
		}
	}
	return answered
}
