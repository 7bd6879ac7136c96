package micro_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A hello-world binary stays small: what only some services need must not be
// reachable from the root package.
const (
	// maxBinary is in bytes, without symbols: 14.2 MB. Every service carries the
	// Debug handler, the guard of micro.Auth and the multiplexed engine, about
	// 150 KB together; the rest is the standard library's TLS and HTTP server,
	// protobuf and the command line.
	maxBinary  = 14_200_000
	maxModules = 12
)

var heavy = regexp.MustCompile(`nats|redis|pgx|bbolt|database/sql$|cockroach|go-git|docker|k8s\.io|kubernetes|etcd|grpc-go|google\.golang\.org/grpc|miekg`)

func TestHelloworldReachesNoBackendPackages(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "./examples/helloworld").Output()
	if err != nil {
		t.Fatal(err)
	}
	for pkg := range strings.FieldsSeq(string(out)) {
		if heavy.MatchString(pkg) {
			t.Errorf("hello world depends on %s", pkg)
		}
	}
}

// helloworld builds the example and returns where it is.
func helloworld(t *testing.T, flags ...string) string {
	t.Helper()
	return buildProgram(t, "./examples/helloworld", flags...)
}

// buildProgram builds a program and returns where it is.
func buildProgram(t *testing.T, program string, flags ...string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "program")
	args := append(append([]string{"build"}, flags...), "-o", binary, program)
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

// Services post to each other by a client of their own; that of net/http adds
// 389,120 bytes (docs/adr/0013-messages-are-posted-by-our-own-client.md).
func TestHelloworldLinksNoHTTPClient(t *testing.T) {
	out, err := exec.Command("go", "tool", "nm", helloworld(t)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "net/http.(*Server).Serve") {
		t.Fatal("the binary has no symbols to look at")
	}
	if strings.Contains(string(out), "net/http.(*Transport).") {
		t.Error("binary holds net/http's client")
	}
}

// Package runtime reaches what starts processes, for programs that call
// runtime.NewRuntime; the linker leaves it out of the others.
func TestHelloworldLinksNothingThatRunsPrograms(t *testing.T) {
	out, err := exec.Command("go", "tool", "nm", helloworld(t)).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), "v4/runtime.(*defaultRuntime).Create") {
		t.Fatal("the binary has no symbols to look at")
	}
	for _, part := range []string{"os/exec.(*Cmd).", "v4/internal/child.", "v4/runtime.(*local).", "v4/runtime/local", "archive/tar."} {
		if strings.Contains(string(out), part) {
			t.Errorf("binary holds %s", part)
		}
	}
}

// Generated code imports package api for the description of endpoints. What serves
// them belongs to programs that call api.NewApi.
func TestAGeneratedServiceLinksNoGateway(t *testing.T) {
	out, err := exec.Command("go", "tool", "nm", buildProgram(t, "./examples/greeter/srv")).Output()
	if err != nil {
		t.Fatal(err)
	}
	symbols := string(out)
	if !strings.Contains(symbols, "net/http.(*Server).Serve") {
		t.Fatal("the binary has no symbols to look at")
	}
	for _, part := range []string{"/api.NewApi", "/api/handler/rpc.NewHandler", "/api/server/http.NewServer", "httputil.(*ReverseProxy)", "coder/websocket.Accept", "net/http.(*Transport)."} {
		if strings.Contains(symbols, part) {
			t.Errorf("the binary of a service holds %s", part)
		}
	}
}

func TestHelloworldBinaryIsSmall(t *testing.T) {
	binary := helloworld(t, "-ldflags=-s -w")
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > maxBinary {
		t.Errorf("binary has %d bytes, want at most %d", info.Size(), maxBinary)
	}
	out, err := exec.Command("go", "version", "-m", binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := regexp.MustCompile(`(?m)^\tdep\t\S+`).FindAllString(string(out), -1)
	t.Logf("%d modules: %q", len(modules), modules)
	if len(modules) > maxModules {
		t.Errorf("binary holds %d modules, want at most %d", len(modules), maxModules)
	}
}

// What generated code brings along is the description of endpoints.
func TestAGeneratedServiceIsHardlyLargerThanHelloworld(t *testing.T) {
	size := func(program string) int64 {
		info, err := os.Stat(buildProgram(t, program, "-ldflags=-s -w"))
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	small, generated := size("./examples/helloworld"), size("./examples/greeter/srv")
	t.Logf("%d and %d bytes", small, generated)
	if generated > small+small/100 {
		t.Errorf("the service has %d bytes, hello world %d", generated, small)
	}
}
