package mdns_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mdns"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// roleVariable makes TestHost play one of the machines below.
const roleVariable = "MDNS_TEST_ROLE"

// TestHost is not a test of its own: it is what runs in a network namespace.
func TestHost(t *testing.T) {
	role := os.Getenv(roleVariable)
	if role == "" {
		t.Skip("runs as a machine of the tests with network namespaces only")
	}
	e := mdns.New(mdns.Config{Domain: "netns", Decode: decode})
	defer e.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if name, ok := strings.CutPrefix(role, "serve "); ok {
		i := node("greeter", name, "a")
		i.TTL = 3
		publish(t, e, i)
		<-ctx.Done()
		return
	}
	w := watch(t, e, "greeter")
	for {
		event, err := w.Next(ctx)
		if err != nil {
			return
		}
		fmt.Printf("event %d %s\n", event.Kind, event.Entry.Name)
	}
}

// run runs a command and skips the test when the machine does not allow it.
func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Skipf("network namespaces are not available: %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// namespace makes a network namespace with loopback up.
func namespace(t *testing.T, name string) string {
	t.Helper()
	name = fmt.Sprintf("mdns%d%s", os.Getpid(), name)
	run(t, "ip", "netns", "add", name)
	t.Cleanup(func() { exec.Command("ip", "netns", "del", name).Run() })
	run(t, "ip", "-n", name, "link", "set", "lo", "up")
	return name
}

// machine starts TestHost in a namespace and returns the events it prints.
func machine(t *testing.T, namespace, role string) (events <-chan string, kill func()) {
	t.Helper()
	cmd := exec.Command("ip", "netns", "exec", namespace, os.Args[0], "-test.run=^TestHost$", "-test.v")
	// A race detector that lingers at exit would only make the tests slower.
	cmd.Env = append(os.Environ(), roleVariable+"="+role, "GORACE=atexit_sleep_ms=0")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out := make(chan string, 1000)
	go func() {
		defer close(out)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "event ") {
				out <- lines.Text()
			}
		}
		cmd.Wait()
	}()
	t.Cleanup(func() {
		stdin.Close()
		for range out {
		}
	})
	return out, func() { cmd.Process.Kill() }
}

// await waits for an event, passing over others.
func await(t *testing.T, events <-chan string, want string) {
	t.Helper()
	timeout := time.After(testkit.Patience)
	for {
		select {
		case got, ok := <-events:
			if !ok {
				t.Fatalf("machine stopped before %q", want)
			}
			if got == want {
				return
			}
		case <-timeout:
			t.Fatalf("no %q", want)
		}
	}
}

const (
	created = "event 0 n1"
	deleted = "event 1 n1"
)

func TestMachinesFindEachOtherByMulticast(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for nodes to expire")
	}
	t.Parallel()
	t.Run("find each other on an interface that comes, goes and comes back", func(t *testing.T) {
		t.Parallel()
		a, b := namespace(t, "a"), namespace(t, "b")
		events, _ := machine(t, b, "watch")
		machine(t, a, "serve n1")
		connect(t, a, b)
		for i, name := range []string{a, b} {
			run(t, "ip", "-n", name, "addr", "add", fmt.Sprintf("10.77.0.%d/24", i+1), "dev", "eth0")
		}
		await(t, events, created)
		run(t, "ip", "-n", a, "link", "set", "eth0", "down")
		await(t, events, deleted)
		run(t, "ip", "-n", a, "link", "set", "eth0", "up")
		await(t, events, created)
	})
	t.Run("need nothing but IPv4 loopback for their own processes", func(t *testing.T) {
		t.Parallel()
		alone := namespace(t, "c")
		run(t, "ip", "netns", "exec", alone, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
		events, _ := machine(t, alone, "watch")
		_, kill := machine(t, alone, "serve n1")
		await(t, events, created)
		kill()
		await(t, events, deleted)
		machine(t, alone, "serve n1")
		await(t, events, created)
	})
	t.Run("do without IPv4", func(t *testing.T) {
		t.Parallel()
		a, b := namespace(t, "d"), namespace(t, "e")
		connect(t, a, b)
		for _, name := range []string{a, b} {
			run(t, "ip", "-n", name, "addr", "del", "127.0.0.1/8", "dev", "lo")
		}
		events, _ := machine(t, b, "watch")
		machine(t, a, "serve n1")
		await(t, events, created)
	})
}

// connect joins two namespaces by a cable.
func connect(t *testing.T, a, b string) {
	t.Helper()
	run(t, "ip", "-n", a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b)
	for _, name := range []string{a, b} {
		run(t, "ip", "-n", name, "link", "set", "eth0", "up")
	}
}
