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
	maxBinary  = 14_000_000 // bytes, without symbols
	maxModules = 12
)

var heavy = regexp.MustCompile(`nats|redis|pgx|database/sql$|cockroach|go-git|docker|k8s\.io|kubernetes|etcd|grpc-go|google\.golang\.org/grpc|miekg`)

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

func TestHelloworldBinaryIsSmall(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "helloworld")
	if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", binary, "./examples/helloworld").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
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
