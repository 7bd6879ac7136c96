package examples_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// patience is how long a program may take for anything.
const patience = time.Minute

// build builds an example and returns where it is.
func build(t *testing.T, name string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), name)
	if out, err := exec.Command("go", "build", "-o", binary, "./"+name).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return binary
}

func TestPrometheusShowsTheSeries(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	program := exec.CommandContext(ctx, build(t, "prometheus"))
	out, err := program.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	series := regexp.MustCompile(`(?s)micro_latency_microseconds_count\{.*` +
		`micro_request_duration_seconds_bucket\{micro_endpoint="Greeter.Hello",micro_id="greeter-1",micro_name="greeter",micro_version="1.0.0",le=.*` +
		`micro_request_total\{micro_endpoint="Greeter.Hello",micro_id="greeter-1",micro_name="greeter",micro_status="success",micro_version="1.0.0"\} \d+\n.*` +
		`micro_request_total\{micro_endpoint="greeter.Greeter.Hello",micro_id="greeter-1",micro_name="greeter",micro_status="success",micro_version="1.0.0"\} \d+\n`)
	var page string
	for limit := time.Now().Add(patience); !series.MatchString(page); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("the page has not got the series:\n%s", page)
		}
		page = get(t, strings.TrimSpace(url))
	}
	if err := program.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := program.Wait(); err != nil {
		t.Errorf("the end: %v", err)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	rsp, err := http.Get(url) //nolint:gosec // of the program that was started
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	b, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOpentelemetryPrintsOneTrace(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, build(t, "opentelemetry")).Output()
	if err != nil {
		t.Fatal(err)
	}
	traces := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^trace (\S+) `).FindAllStringSubmatch(string(out), -1) {
		traces[m[1]] = true
	}
	if len(traces) != 1 || strings.Count(string(out), "\ntrace ") != 3 || !strings.HasSuffix(string(out), "Bonjour John\n") {
		t.Errorf("printed\n%s", out)
	}
}
