package micro_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// A hello-world binary stays small: what only some services need must not be
// reachable from the root package.
const (
	// maxBinary is in bytes, without symbols: 14.22 MB. Every service carries the
	// Debug handler, the guard of micro.Auth and the multiplexed engine, about
	// 150 KB together; the rest is the standard library's TLS and HTTP server,
	// protobuf and the command line.
	maxBinary  = 14_220_000
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

// Programs are linked once for all that is asked about them: with their symbols,
// and without, as they are shipped.
func TestBinariesHoldOnlyWhatTheirProgramsNeed(t *testing.T) {
	named, shipped := link(t, "-ldflags=-w"), link(t, "-ldflags=-s -w")
	helloworld, generated := symbols(t, named.helloworld), symbols(t, named.generated)
	for _, tt := range []struct{ rule, symbols, held, missing string }{
		{
			// Services post to each other by a client of their own; that of net/http adds
			// 389,120 bytes (docs/adr/0013-messages-are-posted-by-our-own-client.md).
			"hello world holds no HTTP client", helloworld,
			"net/http.(*Server).Serve",
			"net/http.(*Transport).",
		},
		{
			// Package runtime reaches what starts processes, for programs that call
			// runtime.NewRuntime; the linker leaves it out of the others.
			"hello world holds nothing that runs programs", helloworld,
			"v4/runtime.(*defaultRuntime).Create",
			"os/exec.(*Cmd). v4/internal/child. v4/runtime.(*local). v4/runtime/local archive/tar.",
		},
		{
			// Generated code imports package api for the description of endpoints. What
			// serves them belongs to programs that call api.NewApi.
			"a generated service holds no gateway", generated,
			"net/http.(*Server).Serve",
			"/api.NewApi /api/handler/rpc.NewHandler /api/server/http.NewServer httputil.(*ReverseProxy) coder/websocket.Accept net/http.(*Transport).",
		},
	} {
		t.Run(tt.rule, func(t *testing.T) {
			if !strings.Contains(tt.symbols, tt.held) {
				t.Fatalf("the binary does not hold %s: are there symbols to look at?", tt.held)
			}
			for part := range strings.FieldsSeq(tt.missing) {
				if strings.Contains(tt.symbols, part) {
					t.Errorf("the binary holds %s", part)
				}
			}
		})
	}
	t.Run("hello world is small", shipped.helloworldIsSmall)
	t.Run("a generated service is hardly larger than hello world", shipped.generatedServiceIsHardlyLarger)
}

// binaries are the paths of a service without generated code, and of one with.
type binaries struct{ helloworld, generated string }

// link builds the binaries with the given flags.
func link(t *testing.T, flags ...string) binaries {
	t.Helper()
	dir := t.TempDir()
	args := append(append([]string{"build"}, flags...), "-o", dir+string(filepath.Separator), "./examples/helloworld", "./examples/greeter/srv")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	suffix := ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	return binaries{filepath.Join(dir, "helloworld"+suffix), filepath.Join(dir, "srv"+suffix)}
}

// symbols returns the names of what a binary holds, one a line.
func symbols(t *testing.T, binary string) string {
	t.Helper()
	out, err := exec.Command("go", "tool", "nm", binary).Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func (b binaries) helloworldIsSmall(t *testing.T) {
	size := sizeOf(t, b.helloworld)
	t.Logf("%d bytes", size)
	if size > maxBinary {
		t.Errorf("binary has %d bytes, want at most %d", size, maxBinary)
	}
	out, err := exec.Command("go", "version", "-m", b.helloworld).Output()
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
func (b binaries) generatedServiceIsHardlyLarger(t *testing.T) {
	small, generated := sizeOf(t, b.helloworld), sizeOf(t, b.generated)
	t.Logf("%d and %d bytes", small, generated)
	if generated > small+small/100 {
		t.Errorf("the service has %d bytes, hello world %d", generated, small)
	}
}

func sizeOf(t *testing.T, file string) int64 {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
