package examples_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// settings are what examples/options prints.
type settings struct {
	Name, Address, Registry, Broker, Transport, Timeout string
	Retries                                             int
}

// The settings of each origin differ in everything there is a choice of.
var (
	byDefault = settings{Name: "go.micro.server", Address: ":0", Registry: "mdns", Broker: "http", Transport: "http", Timeout: "30s", Retries: 5}
	byCode    = settings{Name: "coded", Address: "127.0.0.1:0", Registry: "memory", Broker: "memory", Transport: "memory", Timeout: "3s", Retries: 3}
	byEnv     = settings{Name: "from-env", Address: "127.0.0.2:0", Registry: "mdns", Broker: "http", Transport: "http", Timeout: "8s", Retries: 8}
	byFlag    = settings{Name: "from-flag", Address: "127.0.0.3:0", Registry: "memory", Broker: "memory", Transport: "memory", Timeout: "9s", Retries: 0}
)

func (s settings) flags() []string {
	return []string{
		"--server_name", s.Name, "--server_address", s.Address, "--registry", s.Registry, "--broker", s.Broker,
		"--transport", s.Transport, "--client_request_timeout", s.Timeout, "--client_retries", fmt.Sprint(s.Retries),
	}
}

// setenv puts the settings into the environment of processes that are started.
func (s settings) setenv(t *testing.T) {
	flags := s.flags()
	for i := 0; i < len(flags); i += 2 {
		t.Setenv("MICRO_"+strings.ToUpper(strings.TrimPrefix(flags[i], "--")), flags[i+1])
	}
}

// printed returns the next settings a process prints.
func printed(t *testing.T, p *process) settings {
	t.Helper()
	select {
	case line, ok := <-p.lines:
		var s settings
		if err := json.Unmarshal([]byte(line), &s); err != nil || !ok {
			t.Fatalf("%v printed %q: %v", p.Args, line, err)
		}
		return s
	case <-time.After(patience):
		t.Fatalf("%v printed nothing within %v", p.Args, patience)
		return settings{}
	}
}

// The same service starts under every combination of command line, environment and
// code, the code's options in two orders.
func TestFlagsOverrideTheEnvironmentWhichOverridesTheCode(t *testing.T) {
	for _, code := range []string{"none", "given", "reversed"} {
		for _, env := range []bool{false, true} {
			for _, flags := range []bool{false, true} {
				t.Run(fmt.Sprintf("code=%s,env=%v,flags=%v", code, env, flags), func(t *testing.T) {
					t.Setenv("OPTIONS", code)
					want, args := byDefault, []string(nil)
					if code != "none" {
						want = byCode
					}
					if env {
						byEnv.setenv(t)
						want = byEnv
					}
					if flags {
						args, want = byFlag.flags(), byFlag
					}
					p := start(t, "options", args...)
					if got := printed(t, p); got != want {
						t.Errorf("the settings are %+v, want %+v", got, want)
					}
					if err := p.Process.Kill(); err != nil {
						t.Fatal(err)
					}
				})
			}
		}
	}
}

func TestWhatOneOriginLeavesOpenIsTakenFromTheNext(t *testing.T) {
	t.Setenv("MICRO_REGISTRY", "mdns")
	t.Setenv("MICRO_CLIENT_RETRIES", "8")
	p := start(t, "options", "--client_retries", "9", "--transport", "http")
	want := byCode
	want.Registry, want.Retries, want.Transport = "mdns", 9, "http"
	if got := printed(t, p); got != want {
		t.Errorf("the settings are %+v, want %+v", got, want)
	}
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
}

// TestEditedFileTakesEffectWhileRunning edits the file in the ways editors,
// deployments and accidents do.
func TestEditedFileTakesEffectWhileRunning(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.json")
	overwrite := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	replace := func(text string) {
		t.Helper()
		if err := os.WriteFile(path+"~", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+"~", path); err != nil {
			t.Fatal(err)
		}
	}
	overwrite(`{"client":{"retries":1}}`)
	p := start(t, "options", "--settings", path)
	expect := func(retries int, timeout string) {
		t.Helper()
		want := byCode
		want.Retries, want.Timeout = retries, timeout
		got := printed(t, p)
		got.Address = want.Address // that it listens on, once it does
		if got != want {
			t.Fatalf("the settings are %+v, want %+v", got, want)
		}
	}
	expect(3, "3s")
	expect(1, "3s")
	replace(`{"client":{"retries":2,"timeout":"1m"}}`)
	expect(2, "1m0s")
	replace(`{"client":{"retries":`) // an accident: everything stays
	replace(`{"client":{"retries":4,"timeout":"2m"}}`)
	expect(4, "2m0s")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	replace(`{"client":{"retries":5,"timeout":"2m"}}`)
	expect(5, "2m0s")
	stop(t, p)
}

func TestFlagsOfTheProgramStandBesideThoseOfTheService(t *testing.T) {
	for _, tt := range []struct {
		name string
		env  string
		args []string
		want []string
	}{
		{"default", "", nil, []string{"service: flags", "Hello"}},
		{"variable", "Salut", nil, []string{"service: flags", "Salut"}},
		{"flag", "Salut", []string{"--greeting", "Hi", "--server_name", "greeter"}, []string{"service: greeter", "Hi"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.env != "" {
				t.Setenv("GREETING", tt.env)
			}
			p := start(t, "flags", append(tt.args, "--registry", "memory")...)
			var got []string
			for range tt.want {
				got = append(got, <-p.lines)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("printed %q, want %q", got, tt.want)
			}
			stop(t, p)
		})
	}
	if out, err := run(t, "flags", "--help"); err != nil || !strings.Contains(out, "--greeting") || !strings.Contains(out, "MICRO_REGISTRY") {
		t.Errorf("--help printed %q, %v", out, err)
	}
	for _, args := range [][]string{{"--no-such-flag"}, {"argument"}, {"--registry", "pigeon"}} {
		if _, err := run(t, "flags", args...); err == nil {
			t.Errorf("%v is no error", args)
		}
	}
}
