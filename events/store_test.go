package events_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/eventstest"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
)

func TestStoreConformance(t *testing.T) {
	eventstest.RunStore(t, eventstest.StoreHarness{New: func(testing.TB) events.Store { return events.NewStore() }})
}

// snapshots records the keys of each snapshot.
type snapshots struct {
	err error

	mu   sync.Mutex
	keys [][]string
}

func (s *snapshots) all() [][]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.keys)
}

func (s *snapshots) Snapshot(st store.Store) error {
	keys, err := st.List()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, keys)
	return errors.Join(err, s.err)
}

func TestABackupIsTakenAtOnceAndEveryHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backup := new(snapshots)
		s := events.NewStore(events.StoreBackup(backup))
		synctest.Wait()
		e := &events.Event{ID: "id", Topic: "topic", Timestamp: time.Now()}
		if err := s.Write(e); err != nil {
			t.Fatal(err)
		}
		hour := time.Now().Local().Format("2006010215")
		time.Sleep(2*time.Hour + time.Minute)
		if err := s.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
		taken := backup.all()
		if len(taken) != 3 || len(taken[0]) != 0 {
			t.Fatalf("%d snapshots: %v", len(taken), taken)
		}
		if want := "topic/id/" + hour; len(taken[1]) != 1 || taken[1][0] != want {
			t.Errorf("stored under %v, want %s", taken[1], want)
		}
		time.Sleep(3 * time.Hour)
		if len(backup.all()) != 3 {
			t.Error("snapshots go on after Close")
		}
		if err := s.(io.Closer).Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestBackupErrorIsLogged(t *testing.T) {
	out := new(testkit.Buffer)
	synctest.Test(t, func(t *testing.T) {
		s := events.NewStore(events.StoreBackup(&snapshots{err: errors.New("on purpose")}),
			events.WithLogger(logger.NewLogger(logger.WithOutput(out))))
		synctest.Wait()
		_ = s.(io.Closer).Close()
	})
	if !strings.Contains(out.String(), "Error running backup on purpose") {
		t.Errorf("the log is %q", out)
	}
}

func TestRewritingInALaterHourReplaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		backup := new(snapshots)
		s := events.NewStore(events.StoreBackup(backup))
		defer s.(io.Closer).Close()
		e := &events.Event{ID: "id", Topic: "topic", Timestamp: time.Now(), Payload: []byte("one")}
		_ = s.Write(e)
		time.Sleep(90 * time.Minute)
		e.Payload = []byte("two")
		if err := s.Write(e); err != nil {
			t.Fatal(err)
		}
		list, err := s.Read("topic")
		if err != nil || len(list) != 1 || string(list[0].Payload) != "two" {
			t.Errorf("read %v, %v", list, err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if last := backup.all()[2]; len(last) != 1 {
			t.Errorf("stored keys are %v", last)
		}
	})
}

func TestStoredEventsExpireAfterADayOrTheirTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := events.NewStore()
		defer s.(io.Closer).Close()
		write := func(id string, opts ...events.WriteOption) {
			if err := s.Write(&events.Event{ID: id, Topic: "topic"}, opts...); err != nil {
				t.Fatal(err)
			}
		}
		write("default")
		write("short", events.WithTTL(time.Hour))
		write("ever", events.WithTTL(0))
		for _, step := range []struct {
			after time.Duration
			want  int
		}{{time.Hour - 1, 3}, {1, 2}, {23*time.Hour - 1, 2}, {1, 1}, {1000 * time.Hour, 1}} {
			time.Sleep(step.after)
			if list, err := s.Read("topic"); err != nil || len(list) != step.want {
				t.Errorf("%d events, %v, want %d", len(list), err, step.want)
			}
		}
	})
}

func TestStoreRefusesNil(t *testing.T) {
	if err := events.NewStore().Write(nil); err == nil {
		t.Error("a nil event was written")
	}
}
