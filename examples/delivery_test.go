//go:build unix

package examples_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
)

const (
	deliveryMessages = 100_000 // a half from each of the publishers
	// deliveryInFlight is how many messages one publisher has on the way to one
	// receiver at a time: a batch of the http broker.
	deliveryInFlight = 64
)

// worker is a process of the queue group, and the file of what it received.
type worker struct {
	*process
	file string
}

func startWorker(t *testing.T, topic, name string) *worker {
	t.Helper()
	w := &worker{file: filepath.Join(t.TempDir(), name)}
	w.process = start(t, "delivery", "--role", "subscribe", "--topic", topic, "--file", w.file)
	w.await(t, "subscribed")
	return w
}

// received is how many messages the worker has handled.
func (w *worker) received() int {
	b, _ := os.ReadFile(w.file) // not there yet: none
	return bytes.Count(b, []byte("\n"))
}

func startPublisher(t *testing.T, topic string, from, to int) *process {
	t.Helper()
	return start(t, "delivery", "--role", "publish", "--topic", topic, "--from", strconv.Itoa(from), "--to", strconv.Itoa(to))
}

// TestEveryMessageOfAQueueGroupIsAccountedFor has two publishers send a hundred
// thousand numbers to a queue group of three processes. Under load one of them
// is killed and another one restarted; both come back as new processes. The
// third is frozen until a publisher is told that messages were given up, which
// it publishes again. No number may be lost, and none may arrive twice but those
// that the killed process had in hand.
func TestEveryMessageOfAQueueGroupIsAccountedFor(t *testing.T) {
	t.Parallel()
	topic := fmt.Sprintf("examples.delivery.%d", os.Getpid())
	killed := startWorker(t, topic, "killed")
	restarted := startWorker(t, topic, "restarted")
	steady := startWorker(t, topic, "steady")
	began := time.Now()
	publishers := []*process{
		startPublisher(t, topic, 1, deliveryMessages/2),
		startPublisher(t, topic, deliveryMessages/2+1, deliveryMessages),
	}

	testkit.EventuallyWithin(t, patience, "the first worker is busy", func() bool { return killed.received() > 2000 })
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait() // the error says that it was killed
	again := startWorker(t, topic, "killed, again")
	testkit.EventuallyWithin(t, patience, "the second worker is busy", func() bool { return restarted.received() > 2000 })
	stop(t, restarted.process)
	anew := startWorker(t, topic, "restarted, again")

	testkit.EventuallyWithin(t, patience, "the new workers join", func() bool { return again.received() > 0 && anew.received() > 0 })
	freeze(t, steady.process, publishers[0])
	for _, p := range publishers {
		if _, err := p.stdin.Write([]byte("go on\n")); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range publishers { // they end when everything was delivered
		t.Log(strings.Join(p.rest(t), ", "))
	}
	t.Logf("%d messages took %v", deliveryMessages, time.Since(began).Round(time.Millisecond))
	for _, w := range []*worker{steady, again, anew} {
		stop(t, w.process)
	}
	newAccount(t, killed, restarted, steady, again, anew).check(t, killed)
}

// freeze stops a worker from running until the publisher gives up messages.
func freeze(t *testing.T, worker, publisher *process) {
	t.Helper()
	if err := worker.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	testkit.EventuallyWithin(t, patience, "the publisher is told of messages given up", func() bool {
		publisher.mu.Lock()
		defer publisher.mu.Unlock()
		return bytes.Contains(publisher.stderr.Bytes(), []byte("given up: "))
	})
	if err := worker.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// account says which workers received each number.
type account struct {
	receivers map[int][]*worker
}

func newAccount(t *testing.T, workers ...*worker) *account {
	t.Helper()
	a := &account{receivers: map[int][]*worker{}}
	for _, w := range workers {
		b, err := os.ReadFile(w.file)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Fields(string(b)) {
			n, err := strconv.Atoi(line)
			if err != nil {
				t.Fatalf("%s: %v", w.file, err)
			}
			a.receivers[n] = append(a.receivers[n], w)
		}
		t.Logf("%s received %d", filepath.Base(w.file), w.received())
	}
	return a
}

// check prints the account and holds it against what is promised.
func (a *account) check(t *testing.T, killed *worker) {
	t.Helper()
	var lost, twice, unexplained int
	for n := 1; n <= deliveryMessages; n++ {
		switch by := a.receivers[n]; {
		case len(by) == 0:
			lost++
		case len(by) > 1:
			twice++
			if !slices.Contains(by, killed) {
				unexplained++
			}
		}
	}
	t.Logf("of %d messages %d arrived once, %d more than once, %d never", deliveryMessages, deliveryMessages-twice-lost, twice, lost)
	if lost > 0 {
		t.Errorf("%d messages are lost", lost)
	}
	if unexplained > 0 {
		t.Errorf("%d messages arrived more than once without having been at the killed process", unexplained)
	}
	if limit := 2 * deliveryInFlight; twice > limit {
		t.Errorf("%d messages arrived more than once, want at most the %d in flight to the killed process", twice, limit)
	}
	if unknown := len(a.receivers) - (deliveryMessages - lost); unknown > 0 {
		t.Errorf("%d numbers were received that nobody published", unknown)
	}
}
