package micro_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The program runs as processes of its own, as nothing ends under go test.
func TestInitEndsAProgramWhoseFlagsCannotBeUsed(t *testing.T) {
	p := program(filepath.Join(t.TempDir(), "orders"))
	if out, err := exec.Command("go", "build", "-ldflags=-w", "-o", string(p), "./testdata/program").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Run("what an operator gave and cannot be used ends the program", p.refuses)
	t.Run("an answer to --help or --version ends the program with success", p.answers)
	t.Run("what can be used lets the program go on", p.goesOn)
	t.Run("an action chooses the exit status", p.choosesStatus)
	t.Run("a program that wants to be told is not ended", p.isTold)
}

// program is the path of the binary of testdata/program.
type program string

// result is what a process left behind.
type result struct {
	status         int
	stdout, stderr string
}

// run runs a variant of the program.
func (p program) run(t *testing.T, variant string, environment []string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(string(p), args...)
	cmd.Env = append(append(os.Environ(), "PROGRAM="+variant), environment...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

const order = "places an order"

func (p program) refuses(t *testing.T) {
	for _, tt := range []struct {
		name, variant string
		environment   []string
		args          []string
		want          []string // in the message
	}{
		{name: "a mistyped flag", args: []string{"--nmae", "x"}, want: []string{"-nmae", "--help"}},
		{name: "a flag without its value", args: []string{"--server_name"}, want: []string{"server_name"}},
		{name: "a bad number", args: []string{"--register_ttl=1m"}, want: []string{"register_ttl", "1m"}},
		{name: "a bad number in a variable", environment: []string{"MICRO_CLIENT_RETRIES=many"}, want: []string{"MICRO_CLIENT_RETRIES", "many"}},
		{name: "a bad duration", args: []string{"--client_pool_ttl=soon"}, want: []string{"--client_pool_ttl", "soon", "500ms"}},
		{name: "a bad duration in a variable", environment: []string{"MICRO_CLIENT_REQUEST_TIMEOUT=5"}, want: []string{"MICRO_CLIENT_REQUEST_TIMEOUT", "500ms"}},
		{name: "a negative duration", args: []string{"--client_request_timeout=-5s"}, want: []string{"client_request_timeout", "-5s"}},
		{name: "an unknown registry", environment: []string{"MICRO_REGISTRY=etcd"}, want: []string{"Registry etcd not found", "MICRO_REGISTRY", "mdns, memory", "import"}},
		{name: "an unknown broker", args: []string{"--broker=etcd"}, want: []string{"Broker etcd not found", "--broker"}},
		{name: "an unknown profile", environment: []string{"MICRO_DEBUG_PROFILE=x"}, want: []string{"Unsupported profile: x", "MICRO_DEBUG_PROFILE"}},
		{name: "metadata without a key", args: []string{"--server_metadata==x"}, want: []string{"server_metadata", `"=x"`}},
		{name: "a stray argument", args: []string{"--server_name=x", "extra"}, want: []string{`"extra"`}},
		{name: "a flag behind a stray argument", args: []string{"extra", "--server_name=x"}, want: []string{`"extra"`}},
		{name: "an unknown log level", environment: []string{"MICRO_LOG_LEVEL=loud"}, want: []string{"MICRO_LOG_LEVEL", `"loud"`, "debug"}},
		{name: "a flag of the framework's name", variant: "flag of the framework", want: []string{"--registry", "twice", "framework"}},
		{name: "an alias of the help flag", variant: "alias of help", want: []string{"-h", "twice"}},
		{name: "an action that fails", variant: "action", args: []string{"fail"}, want: []string{"the action failed"}},
		{name: "a mistyped flag of a command", variant: "commands", args: []string{"migrate", "--dyr"}, want: []string{"-dyr"}},
		{name: "an unknown command", variant: "commands", args: []string{"migrat"}, want: []string{`"migrat"`}},
		{name: "a flag of no service", variant: "two services", args: []string{"--third=x"}, want: []string{"-third"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := p.run(t, tt.variant, tt.environment, tt.args...)
			if got.status != 1 || strings.Contains(got.stdout, order) {
				t.Fatalf("the program ended with %d and printed %q", got.status, got.stdout)
			}
			if !strings.HasPrefix(got.stderr, "orders: ") || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("the message is not one line with the program's name: %q", got.stderr)
			}
			for _, want := range tt.want {
				if strings.Count(got.stderr, want) == 0 {
					t.Errorf("the message is %q, want %q in it", got.stderr, want)
				}
			}
		})
	}
}

func (p program) answers(t *testing.T) {
	for _, tt := range []struct {
		variant string
		args    []string
		want    string
	}{
		{"", []string{"--help"}, "MICRO_REGISTRY"},
		{"", []string{"-h"}, "MICRO_REGISTRY"},
		{"", []string{"help"}, "MICRO_REGISTRY"},
		{"", []string{"--version"}, "1.2.3"},
		{"", []string{"-v"}, "1.2.3"},
		{"action", []string{"--help"}, "MICRO_REGISTRY"},
		{"commands", []string{"help", "migrate"}, "--dry"},
		{"commands", []string{"migrate", "--help"}, "--dry"},
		{"two services", []string{"--help"}, "--second"},
	} {
		got := p.run(t, tt.variant, nil, tt.args...)
		if got.status != 0 || !strings.Contains(got.stdout, tt.want) || got.stderr != "" || strings.Contains(got.stdout, order) {
			t.Errorf("%s %v: the program ended with %d and printed %q and %q, want %q", tt.variant, tt.args, got.status, got.stdout, got.stderr, tt.want)
		}
	}
}

func (p program) goesOn(t *testing.T) {
	for _, tt := range []struct {
		variant     string
		environment []string
		args        []string
		want        string
	}{
		{"", []string{"MICRO_REGISTRY=memory", "MICRO_LOG_LEVEL=WARN", "MICRO_CLIENT_RETRIES="}, []string{"--server_name=x", "--client_request_timeout", "5s", "--"}, order},
		{"action", nil, []string{"--server_name=x", "a", "--b"}, "arguments: [a --b]"},
		{"alias of version", nil, []string{"-v"}, order},
		{"commands", nil, []string{"migrate", "--dry"}, "migrates, dry: true"},
		{"two services", nil, []string{"--first=a", "--second=b"}, order},
	} {
		got := p.run(t, tt.variant, tt.environment, tt.args...)
		if got.status != 0 || !strings.Contains(got.stdout, tt.want) || !strings.Contains(got.stdout, order) || got.stderr != "" {
			t.Errorf("%s %v %v: the program ended with %d and printed %q and %q", tt.variant, tt.environment, tt.args, got.status, got.stdout, got.stderr)
		}
	}
}

func (p program) choosesStatus(t *testing.T) {
	if got := p.run(t, "action", nil, "status"); got.status != 7 || !strings.Contains(got.stderr, "no luck") || strings.Contains(got.stdout, order) {
		t.Errorf("the program ended with %+v", got)
	}
}

func (p program) isTold(t *testing.T) {
	for _, tt := range []struct {
		arg  string
		want []string
	}{
		{"--nmae=x", []string{"told: ", "-nmae", " false"}},
		{"--help", []string{"MICRO_REGISTRY", "told: ", " true"}},
	} {
		got := p.run(t, "handled", nil, tt.arg)
		if got.status != 0 || got.stderr != "" || !strings.Contains(got.stdout, order) {
			t.Errorf("%s: the program ended with %+v", tt.arg, got)
		}
		for _, want := range tt.want {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("%s: the program printed %q, want %q", tt.arg, got.stdout, want)
			}
		}
	}
}
