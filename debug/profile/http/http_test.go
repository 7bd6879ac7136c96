package http_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"runtime/pprof"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/debug/profile"
	profilehttp "github.com/justcy/go-micro/v4/debug/profile/http"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// newProfile returns a profile at a free port and its URL.
func newProfile(t *testing.T) (profile.Profile, string) {
	t.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t))
	old := profilehttp.DefaultAddress
	profilehttp.DefaultAddress = address
	defer func() { profilehttp.DefaultAddress = old }()
	p := profilehttp.NewProfile()
	t.Cleanup(func() { _ = p.Stop() })
	return p, "http://" + address
}

func get(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	rsp, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil || rsp.StatusCode != http.StatusOK {
		t.Fatalf("%s: status %d, %v", url, rsp.StatusCode, err)
	}
	return string(body)
}

func TestProfilesAreServed(t *testing.T) {
	p, url := newProfile(t)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if body := get(t, url+"/debug/pprof/"); !strings.Contains(body, "goroutine") {
		t.Errorf("the index is %s", body)
	}
	for _, path := range []string{"cmdline", "symbol", "heap?debug=1"} {
		get(t, url+"/debug/pprof/"+path)
	}
}

func TestProfilesAreServedToThisMachineAlone(t *testing.T) {
	host, _, err := net.SplitHostPort(profilehttp.DefaultAddress)
	if ip := net.ParseIP(host); err != nil || !ip.IsLoopback() {
		t.Errorf("the default address is %s", profilehttp.DefaultAddress)
	}
}

// served starts a profile at the standard address, and returns the URL of its
// index as the log tells it.
func served(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	before := logger.DefaultLogger
	logger.DefaultLogger = logger.NewLogger(logger.WithOutput(&out))
	defer func() { logger.DefaultLogger = before }()
	p := profilehttp.NewProfile()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Stop() })
	at := regexp.MustCompile(`http://127\.0\.0\.1:\d+/debug/pprof/`).FindString(out.String())
	if at == "" {
		t.Fatalf("the log does not tell the address: %q", out.String())
	}
	return at
}

func TestTwoOnOneMachineServeTheirProfiles(t *testing.T) {
	first, second := served(t), served(t)
	if first == second {
		t.Fatalf("both are at %s", first)
	}
	for _, at := range []string{first, second} {
		get(t, at+"cmdline")
	}
}

func TestAnAddressOfTheProgramsMustBeFree(t *testing.T) {
	p, url := newProfile(t)
	taken, err := net.Listen("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := p.Start(); err == nil {
		t.Error("Start on a taken port returned nil")
	}
	if err := p.Stop(); err != nil {
		t.Errorf("Stop after a failed Start returned %v", err)
	}
}

func TestServerStartsAgainAfterStop(t *testing.T) {
	p, url := newProfile(t)
	for range 3 {
		for range 2 { // starting what runs is no error
			if err := p.Start(); err != nil {
				t.Fatal(err)
			}
		}
		get(t, url+"/debug/pprof/cmdline")
		for range 2 {
			if err := p.Stop(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestImportRegistersNothingOnDefaultServeMux(t *testing.T) {
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile", "/debug/pprof/trace", "/debug/vars"} {
		_, pattern := http.DefaultServeMux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: path}})
		if pattern != "" {
			t.Errorf("%s is served by the default mux, as %s", path, pattern)
		}
	}
}

// answer asks a started profile, and returns what it answers.
func answer(t *testing.T, method, path, body string) *http.Response {
	t.Helper()
	p, base := newProfile(t)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	rsp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rsp.Body.Close() })
	return rsp
}

func read(t *testing.T, rsp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestProfilesAreWhatToolsExpect(t *testing.T) {
	const gzip = "\x1f\x8b" // compressed protobuf
	for _, tt := range []struct {
		path, contentType, begins string
	}{
		{"goroutine", "application/octet-stream", gzip},
		{"goroutine?debug=1", "text/plain; charset=utf-8", "goroutine profile:"},
		{"goroutine?debug=2", "text/plain; charset=utf-8", "goroutine "},
		{"heap?gc=1", "application/octet-stream", gzip},
		{"heap?debug=1", "text/plain; charset=utf-8", "heap profile:"},
		{"allocs", "application/octet-stream", gzip},
		{"block", "application/octet-stream", gzip},
		{"mutex", "application/octet-stream", gzip},
		{"threadcreate", "application/octet-stream", gzip},
		{"profile?seconds=0.1", "application/octet-stream", gzip},
		{"trace?seconds=0.1", "application/octet-stream", "go 1."},
		{"cmdline", "text/plain; charset=utf-8", os.Args[0] + "\x00"},
		{"", "text/html; charset=utf-8", "<!doctype html>"},
	} {
		t.Run(tt.path, func(t *testing.T) {
			rsp := answer(t, http.MethodGet, "/debug/pprof/"+tt.path, "")
			if got := rsp.Header.Get("Content-Type"); rsp.StatusCode != http.StatusOK || got != tt.contentType {
				t.Errorf("status %d, content type %q, want 200 and %q", rsp.StatusCode, got, tt.contentType)
			}
			if body := read(t, rsp); !strings.HasPrefix(body, tt.begins) {
				t.Errorf("the answer begins with %.40q, want %q", body, tt.begins)
			}
		})
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	for path, status := range map[string]int{
		"profile?seconds=soon":                http.StatusBadRequest,
		"profile?seconds=-1":                  http.StatusBadRequest,
		"profile?seconds=NaN":                 http.StatusBadRequest,
		"trace?seconds=1e9":                   http.StatusBadRequest,
		"heap?seconds=1":                      http.StatusBadRequest,
		"unheard-of":                          http.StatusNotFound,
		"heap/deeper":                         http.StatusNotFound,
		`%3Cscript%3Ealert(1)%3C%2Fscript%3E`: http.StatusNotFound,
	} {
		rsp := answer(t, http.MethodGet, "/debug/pprof/"+path, "")
		if rsp.StatusCode != status {
			t.Errorf("%s: status %d, want %d", path, rsp.StatusCode, status)
		}
		if body := read(t, rsp); strings.Contains(body, "<script>") && !strings.HasPrefix(rsp.Header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s: answered with a page that runs what was asked: %s", path, body)
		}
	}
}

func TestAProfileThatIsBeingRecordedIsNotRecordedTwice(t *testing.T) {
	p, url := newProfile(t)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	record := func(ctx context.Context, seconds string) (status int, text string) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/debug/pprof/profile?seconds="+seconds, nil)
		if err != nil {
			t.Error(err)
			return
		}
		rsp, err := client.Do(req)
		if err != nil {
			return
		}
		defer rsp.Body.Close()
		body, _ := io.ReadAll(rsp.Body)
		return rsp.StatusCode, string(body)
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	first := func() <-chan struct{} {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			record(ctx, "600")
		}()
		return ended
	}
	ended := first()
	testkit.Eventually(t, "the first is recorded", func() bool {
		select {
		case <-ended: // it met the look of the round before
			ended = first()
		default:
		}
		if err := pprof.StartCPUProfile(io.Discard); err != nil {
			return true
		}
		pprof.StopCPUProfile()
		return false
	})
	if status, text := record(t.Context(), "0.001"); status != http.StatusInternalServerError || !strings.Contains(text, "profil") {
		t.Errorf("the second was answered %d, %q", status, text)
	}
	leave()
	<-ended
	// The first one's reader is gone, so the next one can have it.
	testkit.Eventually(t, "another profile is recorded", func() bool {
		status, _ := record(t.Context(), "0.001")
		return status == http.StatusOK
	})
}

func TestSymbolsAreNamed(t *testing.T) {
	address := fmt.Sprintf("%#x", reflect.ValueOf(TestSymbolsAreNamed).Pointer())
	for method, path := range map[string]string{http.MethodGet: "/debug/pprof/symbol?0x1+" + address, http.MethodPost: "/debug/pprof/symbol"} {
		body := read(t, answer(t, method, path, "0x1+"+address))
		if !strings.HasPrefix(body, "num_symbols: 1\n") || !strings.Contains(body, "TestSymbolsAreNamed") {
			t.Errorf("%s answered %q", method, body)
		}
	}
}

// TestPprofToolReadsProfiles has the tool everybody uses fetch profiles.
func TestPprofToolReadsProfiles(t *testing.T) {
	p, base := newProfile(t)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"goroutine", "heap", "profile?seconds=1"} {
		cmd := exec.Command("go", "tool", "pprof", "-top", base+"/debug/pprof/"+path)
		cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "flat%") {
			t.Errorf("%s: %v\n%s", path, err, out)
		}
	}
}
