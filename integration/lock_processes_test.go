//go:build unix

package integration_test

import (
	"bytes"
	"crypto/rand"
	mathrand "math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	stdsync "sync"
	"syscall"
	"testing"
	"time"
)

const (
	// lockWorkers is how many processes want the lock.
	lockWorkers = 16
	// workerTTL is shorter than most of the times for which a worker is stopped.
	workerTTL = time.Second
	longest   = 3 * workerTTL
	// The processes fight so long, or longer if too little has happened.
	atLeast = 15 * time.Second
	atMost  = 2 * time.Minute
)

// TestNeverTwoHoldersHaveValidTokens has processes fight for a lock while they
// are killed and stopped at random, the one that has the lock most of all.
func TestNeverTwoHoldersHaveValidTokens(t *testing.T) {
	program := filepath.Join(t.TempDir(), "lockworker")
	if out, err := exec.Command("go", "build", "-o", program, "./lockworker").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	eachLockDriver(t, func(t *testing.T, d lockDriver) {
		w := &workers{resource: newResource(t), running: map[int]*worker{}}
		w.command = []string{program, "-driver", d.name, "-url", d.url(t), "-id", "fought-for-" + rand.Text(),
			"-resource", w.resource.listener.Addr().String(), "-ttl", workerTTL.String()}
		t.Cleanup(w.end)
		for range lockWorkers {
			w.start(t)
		}
		w.disturb(t)
		c, faults := w.resource.result()
		t.Logf("%d holders, %d takeovers, %d writes accepted and %d refused; %d kills and %d stops",
			c.holders, c.takeovers, c.accepted, c.refused, w.kills, w.stops)
		for _, f := range faults {
			t.Error(f)
		}
		if !w.enough(c) {
			t.Errorf("too little happened in %v; the workers say\n%s", atMost, w.said())
		}
	})
}

// workers are processes that fight for a lock.
type workers struct {
	resource *resource
	command  []string
	started  int
	running  map[int]*worker // by process id
	kills    int
	stops    int
	wakeUps  stdsync.WaitGroup
}

type worker struct {
	*exec.Cmd
	stderr  bytes.Buffer
	stopped time.Time // until when
}

// start starts a worker. Every other does not look whether its lock is lost.
func (w *workers) start(t *testing.T) {
	t.Helper()
	args := w.command[1:]
	if w.started%2 == 1 {
		args = append(args[:len(args):len(args)], "-blind")
	}
	w.started++
	p := &worker{Cmd: exec.Command(w.command[0], args...)}
	p.Stderr = &p.stderr
	if _, err := p.StdinPipe(); err != nil { // which ends with this process
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	w.running[p.Process.Pid] = p
}

// enough reports whether all that is to be tested has happened.
func (w *workers) enough(c counts) bool {
	return c.holders >= 30 && c.takeovers >= 10 && c.refused >= 5 && w.kills >= 10 && w.stops >= 10
}

// disturb kills and stops workers until enough has happened.
func (w *workers) disturb(t *testing.T) {
	t.Helper()
	began := time.Now()
	for time.Since(began) < atMost {
		c, faults := w.resource.result()
		if len(faults) > 0 || time.Since(began) > atLeast && w.enough(c) {
			return
		}
		time.Sleep(mathrand.N(200 * time.Millisecond))
		if p := w.pick(); mathrand.N(4) == 0 {
			w.kill(p)
			w.start(t)
		} else if time.Now().After(p.stopped) {
			w.stop(p, mathrand.N(longest))
		}
	}
}

// pick returns the worker that has the lock, unless it is stopped, or any.
func (w *workers) pick() *worker {
	if p := w.running[w.resource.pid()]; p != nil && time.Now().After(p.stopped) {
		return p
	}
	for _, p := range w.running { // in random order
		return p
	}
	return nil
}

func (w *workers) kill(p *worker) {
	_ = p.Process.Signal(syscall.SIGKILL)
	_ = p.Wait()
	delete(w.running, p.Process.Pid)
	w.kills++
}

// stop stops a worker for a time. That it may be killed meanwhile does no harm:
// its process id is not used by then, since Signal knows of the end.
func (w *workers) stop(p *worker, d time.Duration) {
	if p.Process.Signal(syscall.SIGSTOP) != nil {
		return
	}
	w.stops++
	p.stopped = time.Now().Add(d)
	w.wakeUps.Go(func() {
		time.Sleep(d)
		_ = p.Process.Signal(syscall.SIGCONT)
	})
}

func (w *workers) end() {
	for _, p := range w.running {
		_ = p.Process.Signal(syscall.SIGKILL)
		_ = p.Wait()
	}
	w.wakeUps.Wait()
}

// said returns what the workers that still run have complained of.
func (w *workers) said() string {
	w.end()
	var all strings.Builder
	for _, p := range w.running {
		all.Write(p.stderr.Bytes())
	}
	return all.String()
}
