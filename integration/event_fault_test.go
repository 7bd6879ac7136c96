//go:build unix

package integration_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/integration/internal/eventdrivers"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

const (
	// eventsVariable is the number of events that are published in these tests.
	eventsVariable = "MICRO_TEST_EVENTS"
	fewEvents      = 5000
	// faults is how often something is killed meanwhile.
	faults = 4
	// comesAgain is how long a consumer may keep an event without acknowledgement.
	comesAgain = 2 * time.Second
	// mostHeld is how many events a process has that are not acknowledged, at most.
	mostHeld = 1000
)

// faultEvents is how many events are published.
func faultEvents(t testing.TB) int {
	n, err := strconv.Atoi(os.Getenv(eventsVariable))
	if err != nil {
		n = fewEvents
	}
	return n
}

// TestEventsAreDeliveredThoughConsumersAreKilled has three processes of a group
// consume while they are killed under load, and others take their place.
func TestEventsAreDeliveredThoughConsumersAreKilled(t *testing.T) {
	program := buildEventWorker(t)
	eachEventDriver(t, func(t *testing.T, d eventdrivers.Driver) {
		f := newEventFault(t, d, program, d.Shared(t))
		var running []*eventWorker
		for range 3 {
			running = append(running, f.start())
		}
		f.publish(func() {
			running[0].kill()
			running = append(running[1:], f.start())
		})
		f.check()
		for _, w := range running {
			w.kill()
		}
	})
}

// TestEventsAreDeliveredThoughConsumersStandStill has processes of a group stopped for
// longer than their AckWait, and go on with what they had then.
func TestEventsAreDeliveredThoughConsumersStandStill(t *testing.T) {
	program := buildEventWorker(t)
	eachEventDriver(t, func(t *testing.T, d eventdrivers.Driver) {
		f := newEventFault(t, d, program, d.Shared(t))
		running := []*eventWorker{f.start(), f.start(), f.start()}
		var waking sync.WaitGroup
		next := 0
		f.publish(func() {
			w := running[next%len(running)]
			next++
			must(t, w.Process.Signal(syscall.SIGSTOP))
			waking.Go(func() {
				time.Sleep(comesAgain + comesAgain/2)
				_ = w.Process.Signal(syscall.SIGCONT)
			})
		})
		f.check()
		waking.Wait()
		for _, w := range running {
			w.kill()
		}
	})
}

// TestEventsAreDeliveredThoughTheServerIsKilled has the server die under load and
// come back with what it had on its disk.
func TestEventsAreDeliveredThoughTheServerIsKilled(t *testing.T) {
	program := buildEventWorker(t)
	eachEventDriver(t, func(t *testing.T, d eventdrivers.Driver) {
		server := d.Own(t)
		f := newEventFault(t, d, program, server.URL)
		w := f.start()
		f.publish(func() { restart(server) })
		f.check()
		w.kill()
	})
}

func restart(s *servers.Server) {
	s.Stop()
	s.Start()
}

func buildEventWorker(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "eventworker")
	if out, err := exec.Command("go", "build", "-o", program, "./eventworker").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// eventFault is events that are published one after the other, and what processes
// say of them.
type eventFault struct {
	t       *testing.T
	stream  events.Stream
	n       int
	command []string

	mu         sync.Mutex
	deliveries []int // of each event
	missing    int
	late       int // events that came first after a later one, at the same process
}

func newEventFault(t *testing.T, d eventdrivers.Driver, program, url string) *eventFault {
	t.Helper()
	s, err := d.Open(url)
	must(t, err)
	t.Cleanup(func() { must(t, s.(io.Closer).Close()) })
	f := &eventFault{t: t, stream: s, n: faultEvents(t)}
	f.missing, f.deliveries = f.n, make([]int, f.n)
	f.command = []string{program, "-driver", d.Name, "-url", url, "-topic", unique("fault-"), "-group", "g", "-ackwait", comesAgain.String()}
	return f
}

func (f *eventFault) topic() string { return f.command[6] }

// publish publishes all events in order, and has faults happen at even intervals.
// What fails is tried again.
func (f *eventFault) publish(fault func()) {
	f.t.Helper()
	for i := range f.n {
		if i > 0 && i%(f.n/(faults+1)) == 0 && i/(f.n/(faults+1)) <= faults {
			fault()
		}
		testkit.EventuallyWithin(f.t, time.Minute, "the event is published", func() bool {
			return f.stream.Publish(f.topic(), []byte(strconv.Itoa(i))) == nil
		})
	}
}

// check waits until all events were delivered, and tells how often.
func (f *eventFault) check() {
	f.t.Helper()
	testkit.EventuallyWithin(f.t, 5*time.Minute, "every event is delivered", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return f.missing == 0
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	duplicates := 0
	for _, n := range f.deliveries {
		duplicates += n - 1
	}
	f.t.Logf("%d events published and delivered, %d faults, %d duplicates, %d came after later ones", f.n, faults, duplicates, f.late)
	// What a process had when it was killed or stopped comes again, and late: what waits
	// for an acknowledgement at most. Everything else is in order.
	if f.late > faults*mostHeld || duplicates > 2*faults*mostHeld {
		f.t.Errorf("more than %d events are out of order, or twice as many doubled", faults*mostHeld)
	}
}

// eventWorker is a process that consumes.
type eventWorker struct {
	*exec.Cmd
	read chan struct{} // closed when all that it said is noted
}

// start starts a process, which consumes when it returns.
func (f *eventFault) start() *eventWorker {
	f.t.Helper()
	w := &eventWorker{Cmd: exec.Command(f.command[0], f.command[1:]...), read: make(chan struct{})}
	w.Stderr = os.Stderr
	if _, err := w.StdinPipe(); err != nil { // which ends with this process
		f.t.Fatal(err)
	}
	out, err := w.StdoutPipe()
	must(f.t, err)
	must(f.t, w.Start())
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		f.t.Fatal("the process ends at once")
	}
	go func() {
		defer close(w.read)
		latest := -1
		for lines.Scan() {
			if i, err := strconv.Atoi(lines.Text()); err == nil {
				f.note(i, &latest)
			}
		}
	}()
	f.t.Cleanup(w.kill)
	return w
}

func (f *eventFault) note(i int, latest *int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i < 0 || i >= f.n {
		return // a line that was cut off
	}
	if f.deliveries[i]++; f.deliveries[i] > 1 {
		return
	}
	f.missing--
	if i < *latest {
		f.late++
	}
	*latest = max(*latest, i)
}

// kill kills the process with SIGKILL, if that was not done.
func (w *eventWorker) kill() {
	if w.ProcessState != nil {
		return
	}
	_ = w.Process.Kill()
	<-w.read
	_ = w.Wait()
}
