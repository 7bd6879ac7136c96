package testkit

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"testing"
)

// Process is this test binary in a process of its own, where it runs one test.
type Process struct {
	*exec.Cmd
	Out *bufio.Scanner // of what the test prints
	in  io.Closer
}

// StartTest runs a test in a process of its own, with a variable of the environment by
// which it knows that. The process is to end with its input: by End, or with t.
func StartTest(t testing.TB, test, variable string) *Process {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^"+test+"$")
	cmd.Env = append(os.Environ(), variable)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Process{cmd, bufio.NewScanner(out), in}
	t.Cleanup(p.End)
	return p
}

// End ends the input of the process and waits for its end.
func (p *Process) End() {
	p.in.Close()
	p.Wait() //nolint:errcheck // what it did was seen from outside
}
