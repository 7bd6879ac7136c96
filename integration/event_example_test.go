//go:build unix

package integration_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/justcy/go-micro/v4/integration/internal/eventdrivers"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// example builds a program of the examples.
func example(t *testing.T, name string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-o", program, "github.com/justcy/go-micro/v4/examples/"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

func TestTheEventsExampleSharesAndReplaysOrders(t *testing.T) {
	program := example(t, "events")
	eachEventDriver(t, func(t *testing.T, d eventdrivers.Driver) {
		want := "two packers share 10 orders\n"
		for i := range 10 {
			want += fmt.Sprintf("replayed order %d\n", i+1)
		}
		out, err := exec.CommandContext(t.Context(), program, "--stream", d.Shared(t), "--topic", unique("examples.")).Output()
		if err != nil || string(out) != want {
			t.Errorf("%v: it printed\n%s", err, out)
		}
	})
}

func TestTheGreeterMovesToNATSByFlagsAlone(t *testing.T) {
	program, url := example(t, "nats"), servers.NATS(t)
	args := []string{"--server_id", "1"}
	for _, part := range []string{"registry", "broker", "transport"} {
		args = append(args, "--"+part, "nats", "--"+part+"_address", url)
	}
	greeter := exec.Command(program, args...)
	greeter.Stderr = os.Stderr
	stdout, err := greeter.StdoutPipe()
	must(t, err)
	must(t, greeter.Start())
	t.Cleanup(func() { _ = greeter.Process.Kill() })
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("the greeter printed %q", lines.Text())
	}
	const want = "registry nats, broker nats, transport nats\nHello John\n"
	testkit.Eventually(t, "the greeter is found and answers", func() bool { // a lookup takes 100 ms, whatever the machine does
		out, err := exec.CommandContext(t.Context(), program, append(args, "--call", "John")...).Output()
		return err == nil && string(out) == want
	})
	if !lines.Scan() || lines.Text() != "a visitor: John" {
		t.Errorf("the greeter printed %q", lines.Text())
	}
	must(t, greeter.Process.Signal(syscall.SIGTERM))
	if err := greeter.Wait(); err != nil {
		t.Errorf("the greeter ended with %v", err)
	}
}
