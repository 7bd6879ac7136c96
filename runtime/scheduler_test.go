//go:build unix

package runtime_test

import (
	"errors"
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
	close(s.events)
	if err := r.Stop(); err != nil || s.closed != 1 {
		t.Errorf("Stop returned %v, the scheduler was closed %d times", err, s.closed)
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
