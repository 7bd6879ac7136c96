//go:build unix

package runtime_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/runtime"
)

type scheduler struct {
	events chan runtime.Event
	err    error
	closed int
}

func (s *scheduler) Notify() (<-chan runtime.Event, error) { return s.events, s.err }
func (s *scheduler) Close() error                          { s.closed++; return s.err }

func TestUpdateEventsUpdateServices(t *testing.T) {
	s := &scheduler{events: make(chan runtime.Event)}
	r, _ := newRuntime(t, runtime.WithScheduler(s))
	a := create(t, r, &runtime.Service{Name: "a"}, sleep)
	b := create(t, r, &runtime.Service{Name: "b"}, sleep, runtime.CreateNamespace("other"))
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	runs := func(wantA, wantB int) {
		t.Helper()
		testkit.Eventually(t, "the services ran again", func() bool {
			return strings.Count(a.String(), "up") == wantA && strings.Count(b.String(), "up") == wantB
		})
	}
	runs(1, 1)
	later := time.Now().Add(time.Hour)
	other := &runtime.CreateOptions{Namespace: "other"}
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: later, Service: &runtime.Service{Name: "a"}}
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: later, Service: &runtime.Service{Name: "a"}} // it has come already
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: later, Service: &runtime.Service{Name: "unknown"}}
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: later, Service: &runtime.Service{Name: "a"}, Options: other}
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: time.Now().Add(-time.Hour), Service: &runtime.Service{Name: "b"}, Options: other}
	s.events <- runtime.Event{Type: runtime.Delete, Timestamp: later, Service: &runtime.Service{Name: "a"}}
	runs(2, 1)
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: later}
	s.events <- runtime.Event{Type: runtime.Create, Timestamp: later}
	runs(2, 2)
	c := create(t, r, &runtime.Service{Name: "c"}, `trap 'echo bye; exit' TERM; echo up; while :; do sleep 0.01; done`)
	c.await(t, "up")
	between := time.Now()
	if err := r.Update(&runtime.Service{Name: "c"}); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, "it runs again", func() bool { return strings.Count(c.String(), "up") == 2 })
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: between, Service: &runtime.Service{Name: "c"}} // it was updated since
	s.events <- runtime.Event{Type: runtime.Create}                                                           // taken when that is done with
	if n := strings.Count(c.String(), "bye"); n != 1 {
		t.Errorf("the service was stopped %d times", n)
	}
	close(s.events)
	if err := r.Stop(); err != nil || s.closed != 1 {
		t.Errorf("Stop returned %v, the scheduler was closed %d times", err, s.closed)
	}
}

func TestStopGivesAServiceItsTimeThatIsBeingUpdated(t *testing.T) {
	s := &scheduler{events: make(chan runtime.Event)}
	r, _ := newRuntime(t, runtime.WithScheduler(s))
	end := filepath.Join(t.TempDir(), "end")
	out := create(t, r, &runtime.Service{Name: "a"}, `trap 'until [ -e `+end+` ]; do sleep 0.01; done; echo bye; exit' TERM; echo up; while :; do sleep 0.01; done`)
	out.await(t, "up")
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	s.events <- runtime.Event{Type: runtime.Update, Timestamp: time.Now().Add(time.Hour)}
	awaitStatus(t, r, "stopping")
	stopped := make(chan error)
	go func() { stopped <- r.Stop() }()
	testkit.Eventually(t, "Stop waits", func() bool { return within("(*local).Stop(") == 1 })
	if err := os.WriteFile(end, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil || !strings.Contains(out.String(), "bye\n") {
		t.Errorf("Stop returned %v, the service wrote %q", err, out)
	}
}

func TestASchedulerThatFailsKeepsNothingFromRunning(t *testing.T) {
	s := &scheduler{err: errors.New("no events")}
	r, _ := newRuntime(t, runtime.WithScheduler(s))
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	create(t, r, &runtime.Service{Name: "a"}, sleep)
	if err := r.Stop(); !errors.Is(err, s.err) {
		t.Errorf("Stop returned %v", err)
	}
	if m := status(t, r); m["status"] != "stopped" {
		t.Errorf("metadata is %v", m)
	}
}
