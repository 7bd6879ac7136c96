//go:build unix

package soak_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
)

// unnoticed is how long a client that gets no processor may take to notice that a
// connection has ended.
const unnoticed = 10 * time.Second

// process is a node in a process of its own.
type process struct {
	id, address string
	cmd         *exec.Cmd
	stdin       io.WriteCloser
	stdout      *bufio.Scanner
	log         *testkit.Buffer
}

// death is the end of a node.
type death struct {
	killed   bool      // rather than told to stop
	from, to time.Time // the signal, and the process was gone
}

// nodes are the processes of the service.
type nodes struct {
	domain  string
	started int
	running []*process // the first one is never ended

	mu     sync.Mutex
	deaths map[string]death // by id of the node
}

// start starts one more node and waits until it serves.
func (n *nodes) start(t *testing.T) *process {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{id: fmt.Sprint("node", n.started), cmd: exec.Command(binary), log: new(testkit.Buffer)}
	n.started++
	p.cmd.Env = append(os.Environ(), nodeVariable+"="+p.id, domainVariable+"="+n.domain)
	p.cmd.Stderr = p.log
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	n.running = append(n.running, p)
	p.stdout = bufio.NewScanner(out)
	p.stdout.Buffer(nil, 1<<20)
	p.address = p.line(t, "listening on ")
	return p
}

// line returns the rest of the next line that begins so.
func (p *process) line(t *testing.T, prefix string) string {
	t.Helper()
	for p.stdout.Scan() {
		if rest, ok := strings.CutPrefix(p.stdout.Text(), prefix); ok {
			return rest
		}
	}
	t.Fatalf("%s ended:\n%s", p.id, p.log)
	panic("unreachable")
}

// held asks the node what it holds.
func (p *process) held(t *testing.T) (h held) {
	t.Helper()
	if _, err := fmt.Fprintln(p.stdin); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte("{"+p.line(t, "{")), &h); err != nil {
		t.Fatal(err)
	}
	return h
}

// end ends the oldest node but the first, and notes when.
func (n *nodes) end(t *testing.T, kill bool) {
	t.Helper()
	p := n.running[1]
	n.running = append(n.running[:1:1], n.running[2:]...)
	signal := syscall.SIGTERM
	if kill {
		signal = syscall.SIGKILL
	}
	d := death{killed: kill, from: time.Now()}
	n.note(p.id, d)
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Errorf("%s ended by itself: %v\n%s", p.id, err, p.log)
	}
	err := p.cmd.Wait()
	d.to = time.Now()
	n.note(p.id, d)
	switch status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); {
	case kill && !status.Signaled():
		t.Errorf("%s ended by itself: %v\n%s", p.id, err, p.log)
	case !kill && err != nil:
		t.Errorf("%s was told to stop and ended with %v\n%s", p.id, err, p.log)
	}
}

func (n *nodes) note(id string, d death) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.deaths[id] = d
}

// cutOff reports whether a node was killed before an attempt ended, and, unless it is
// known which node that was, while it was made. The attempt may have begun later: on
// a connection whose end had not been noticed.
func (n *nodes) cutOff(id string, from, to time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for name, d := range n.deaths {
		if d.killed && !to.Before(d.from) && (name == id || id == "" && !from.After(d.to.Add(unnoticed))) {
			return true
		}
	}
	return false
}

// stop ends those that still run.
func (n *nodes) stop() {
	for _, p := range n.running {
		_ = p.stdin.Close()
		_ = p.cmd.Wait()
	}
}
