package testkit

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// leakGrace is how long goroutines that are already ending may take to be gone.
const leakGrace = 10 * time.Second

// raceVariable is read by binaries with the race detector when they start. Those
// that tests start end with their work, and not a second later as by default.
const raceVariable = "GORACE"

// Main runs a package's tests and fails the test binary when goroutines of the
// tests or of the code under test are still running afterwards. Use it as
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// The functions in stop end what the tests shared, in order, before the check.
//
// Certificates that the tests make are issued by an authority of their own.
func Main(m *testing.M, stop ...func()) {
	authority := filepath.Join(os.TempDir(), fmt.Sprintf("micro-test-ca-%d", os.Getpid()))
	_ = os.Setenv("MICRO_CA_DIR", authority) // it is made when it is needed
	if os.Getenv(raceVariable) == "" {
		_ = os.Setenv(raceVariable, "atexit_sleep_ms=0")
	}
	code := m.Run()
	_ = os.RemoveAll(authority)
	for _, f := range stop {
		f()
	}
	if code == 0 {
		if left := settle(nil, leakGrace); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "%d goroutines leaked by the tests:\n\n%s\n", len(left), strings.Join(left, "\n\n"))
			code = 1
		}
	}
	os.Exit(code)
}

// NoLeaks fails t when goroutines started after this call are still running
// once the test and its clean-ups are done. It must not be used in parallel tests.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := map[string]bool{}
	for _, g := range goroutines() {
		before[goroutineID(g)] = true
	}
	t.Cleanup(func() {
		if left := settle(before, leakGrace); len(left) > 0 {
			t.Errorf("%d goroutines leaked:\n\n%s", len(left), strings.Join(left, "\n\n"))
		}
	})
}

// settle waits until no interesting goroutine but those in before is left, and
// returns the stacks of the ones that stay.
func settle(before map[string]bool, grace time.Duration) []string {
	deadline := time.Now().Add(grace)
	for {
		var left []string
		for _, g := range goroutines() {
			if !before[goroutineID(g)] {
				left = append(left, g)
			}
		}
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// goroutines returns the stacks of all goroutines except the caller's and
// those that belong to the Go runtime and its testing package.
func goroutines() []string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	stacks := strings.Split(string(buf), "\n\n")
	var out []string
	for _, s := range stacks[1:] { // the first is the caller
		if s != "" && !isSystem(s) {
			out = append(out, strings.TrimSpace(s))
		}
	}
	return out
}

func isSystem(stack string) bool {
	for _, mark := range []string{
		"testing.(*M).",
		"testing.(*T).Run(",
		"testing.tRunner(",
		"testing.runFuzzing(",
		"testing.runFuzzTests(",
		"testing.runTests(",
		"testing/synctest",
		"os/signal.signal_recv",
		"os/signal.loop",
		"runtime.ensureSigM",
		"runtime/pprof.profileWriter",
		"runtime.ReadTrace",
	} {
		if strings.Contains(stack, mark) {
			return true
		}
	}
	return false
}

func goroutineID(stack string) string {
	fields := strings.Fields(stack)
	if len(fields) < 2 {
		return stack
	}
	return fields[1]
}
