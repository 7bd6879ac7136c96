package memory_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/config/loader"
	"github.com/justcy/go-micro/v4/config/loader/memory"
	"github.com/justcy/go-micro/v4/config/source"
	sourcememory "github.com/justcy/go-micro/v4/config/source/memory"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// newLoader returns a loader that the test closes.
func newLoader(t *testing.T, opts ...loader.Option) loader.Loader {
	t.Helper()
	l := memory.NewLoader(opts...)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func jsonSource(text string) source.Source {
	return sourcememory.NewSource(sourcememory.WithJSON([]byte(text)))
}

func write(t *testing.T, s source.Source, text string) {
	t.Helper()
	if err := s.Write(&source.ChangeSet{Data: []byte(text), Format: "json"}); err != nil {
		t.Fatal(err)
	}
}

func data(t *testing.T, l loader.Loader) string {
	t.Helper()
	s, err := l.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return string(s.ChangeSet.Data)
}

// scripted is a source that does what a test says.
type scripted struct {
	name  string
	read  func() (*source.ChangeSet, error)
	watch func() (source.Watcher, error)
}

func (s *scripted) String() string                   { return s.name }
func (s *scripted) Write(*source.ChangeSet) error    { return nil }
func (s *scripted) Read() (*source.ChangeSet, error) { return s.read() }
func (s *scripted) Watch() (source.Watcher, error) {
	if s.watch == nil {
		return source.NewNoopWatcher()
	}
	return s.watch()
}

func jsonSet(text string) *source.ChangeSet {
	return &source.ChangeSet{Data: []byte(text), Format: "json", Source: "scripted"}
}

// text is a document that a test changes while it is read.
type text struct{ atomic.Value }

func newText(document string) *text {
	t := &text{}
	t.Store(document)
	return t
}

func (t *text) read() (*source.ChangeSet, error) { return jsonSet(t.Load().(string)), nil }

var errDown = errors.New("the server is down")

func TestSourcesMergeInLoadOrder(t *testing.T) {
	l := newLoader(t)
	if err := l.Load(jsonSource(`{"a":1,"b":1}`), jsonSource(`{"b":2}`)); err != nil {
		t.Fatal(err)
	}
	if err := l.Load(jsonSource(`{"c":3}`)); err != nil {
		t.Fatal(err)
	}
	if got, want := data(t, l), `{"a":1,"b":2,"c":3}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if l.String() != "memory" {
		t.Errorf("the loader is named %s", l)
	}
}

func TestSourceThatCannotBeReadIsNotKept(t *testing.T) {
	l := newLoader(t)
	bad := &scripted{name: "bad", read: func() (*source.ChangeSet, error) { return nil, errDown }}
	broken := &scripted{name: "broken", read: func() (*source.ChangeSet, error) { return jsonSet(`{`), nil }}
	err := l.Load(bad, jsonSource(`{"a":1}`), broken)
	if !errors.Is(err, errDown) || !strings.HasPrefix(err.Error(), "error loading source bad: the server is down\nerror loading source broken: ") {
		t.Errorf("the error is %v", err)
	}
	if got := data(t, l); got != `{"a":1}` {
		t.Errorf("got %s", got)
	}
	if err := l.Sync(); err != nil {
		t.Errorf("the source was kept: %v", err)
	}
}

func TestTheFirstSnapshotReadsNoSourceAgain(t *testing.T) {
	reads := 0
	src := &scripted{name: "counted", read: func() (*source.ChangeSet, error) { reads++; return jsonSet(`{}`), nil }}
	l := newLoader(t, memory.WithWatcherDisabled())
	if err := l.Load(src); err != nil {
		t.Fatal(err)
	}
	data(t, l)
	if reads != 1 {
		t.Errorf("the source was read %d times, want once", reads)
	}
}

func TestOptionSourcesAreReadWhenAsked(t *testing.T) {
	var mu sync.Mutex
	reads := 0
	watched := make(chan struct{})
	src := &scripted{
		name: "option",
		read: func() (*source.ChangeSet, error) {
			mu.Lock()
			defer mu.Unlock()
			reads++
			return jsonSet(`{"a":1}`), nil
		},
		watch: func() (source.Watcher, error) { close(watched); return source.NewNoopWatcher() },
	}
	l := newLoader(t, memory.WithSource(src))
	<-watched
	mu.Lock()
	if reads != 0 {
		t.Errorf("the source was read %d times before anybody asked", reads)
	}
	mu.Unlock()
	if got := data(t, l); got != `{"a":1}` {
		t.Errorf("got %s", got)
	}
}

func TestAFailedSourceKeepsItsValuesInSync(t *testing.T) {
	text, fail := `{"a":1}`, error(nil)
	flaky := &scripted{name: "flaky", read: func() (*source.ChangeSet, error) { return jsonSet(text), fail }}
	other := jsonSource(`{"b":1}`)
	l := newLoader(t, memory.WithWatcherDisabled())
	if err := l.Load(flaky, other); err != nil {
		t.Fatal(err)
	}
	write(t, other, `{"b":2}`)
	fail = errDown
	err := l.Sync()
	if !errors.Is(err, errDown) || !strings.HasPrefix(err.Error(), "source loading errors: error loading source flaky: ") {
		t.Errorf("the error is %v", err)
	}
	if got, want := data(t, l), `{"a":1,"b":2}`; got != want {
		t.Errorf("after a read that failed: %s, want %s", got, want)
	}
	text, fail = `{"a":`, nil
	if err := l.Sync(); err == nil {
		t.Error("a broken document is no error")
	}
	if got, want := data(t, l), `{"a":1,"b":2}`; got != want {
		t.Errorf("after a broken document: %s, want %s", got, want)
	}
}

func TestAWatchEventBringsBackNothingFromBeforeSync(t *testing.T) {
	document := newText(`{"a":1}`)
	quiet := &scripted{name: "quiet", read: document.read}
	loud := jsonSource(`{"b":1}`)
	l := newLoader(t)
	if err := l.Load(quiet, loud); err != nil {
		t.Fatal(err)
	}
	w := watch(t, l)
	document.Store(`{"a":2}`)
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	next(t, w, `{"a":2,"b":1}`)
	write(t, loud, `{"b":2}`)
	next(t, w, `{"a":2,"b":2}`)
}

func watch(t *testing.T, l loader.Loader, path ...string) loader.Watcher {
	t.Helper()
	w, err := l.Watch(path...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Stop() })
	return w
}

func next(t *testing.T, w loader.Watcher, want string) *loader.Snapshot {
	t.Helper()
	s, err := w.Next()
	if err != nil {
		t.Fatal(err)
	}
	if got := string(s.ChangeSet.Data); got != want {
		t.Fatalf("the watcher returned %s, want %s", got, want)
	}
	return s
}

func TestWatcherReturnsTheValueThatChanged(t *testing.T) {
	src := jsonSource(`{"a":{"b":"x"},"c":1}`)
	l := newLoader(t)
	if err := l.Load(src); err != nil {
		t.Fatal(err)
	}
	w := watch(t, l, "a", "b")
	write(t, src, `{"a":{"b":"x"},"c":2}`) // elsewhere
	write(t, src, `{"a":{"b":"y"},"c":2}`)
	s := next(t, w, "y")
	if set := s.ChangeSet; set.Format != "json" || set.Source != "memory" || set.Checksum != set.Sum() || s.Version == "" {
		t.Errorf("the snapshot is %+v of %+v", s, set)
	}
	if err := w.Stop(); err != nil {
		t.Error(err)
	}
	if _, err := w.Next(); !errors.Is(err, source.ErrWatcherStopped) {
		t.Errorf("after Stop: %v", err)
	}
}

func TestAFullBufferKeepsTheNewest(t *testing.T) {
	src := jsonSource(`{"a":0}`)
	l := newLoader(t)
	if err := l.Load(src); err != nil {
		t.Fatal(err)
	}
	w, all := watch(t, l, "a"), watch(t, l)
	for _, text := range []string{"1", "2", "3"} {
		write(t, src, `{"a":`+text+`}`)
		next(t, all, `{"a":`+text+`}`) // so that it was published
	}
	next(t, w, "3")
}

func TestABrokenChangeLeavesTheLastGoodOne(t *testing.T) {
	first, second := jsonSource(`{"a":1}`), jsonSource(`{"b":1}`)
	l := newLoader(t)
	if err := l.Load(first, second); err != nil {
		t.Fatal(err)
	}
	w := watch(t, l)
	write(t, first, `{"a":`)
	write(t, second, `{"b":2}`)
	next(t, w, `{"a":1,"b":2}`)
	write(t, first, `{"a":3}`)
	next(t, w, `{"a":3,"b":2}`)
}

func TestAChangeBetweenReadAndWatchIsSeen(t *testing.T) {
	document := newText(`{"a":1}`)
	src := &scripted{name: "gap", read: document.read}
	opened := make(chan struct{})
	src.watch = func() (source.Watcher, error) { <-opened; return source.NewNoopWatcher() }
	l := newLoader(t)
	if err := l.Load(src); err != nil {
		t.Fatal(err)
	}
	w := watch(t, l)
	document.Store(`{"a":2}`) // after the read; no watcher will ever tell
	close(opened)
	next(t, w, `{"a":2}`)
}

func TestVersionsIncrease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // whose clock stands still
		l := memory.NewLoader(memory.WithWatcherDisabled())
		last := ""
		for range 100 {
			if err := l.Sync(); err != nil {
				t.Fatal(err)
			}
			s, err := l.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			if s.Version <= last {
				t.Fatalf("version %s follows %s", s.Version, last)
			}
			last = s.Version
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestFailedWatchIsOpenedAgainASecondLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var opened []time.Time
		document := newText(`{"a":1}`)
		src := &scripted{name: "flaky", read: document.read}
		src.watch = func() (source.Watcher, error) {
			if opened = append(opened, time.Now()); len(opened) < 3 {
				return nil, errDown
			}
			return source.NewNoopWatcher()
		}
		l := memory.NewLoader()
		if err := l.Load(src); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		document.Store(`{"a":2}`)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(opened) != 3 || opened[2].Sub(opened[0]) != 2*time.Second {
			t.Errorf("the watch was opened at %v, want every second until it works", opened)
		}
		if got := data(t, l); got != `{"a":2}` {
			t.Errorf("what changed meanwhile is missing: %s", got)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// logged collects what the default logger shows until the test ends.
func logged(t *testing.T) *strings.Builder {
	t.Helper()
	var out strings.Builder
	before := logger.DefaultLogger
	logger.DefaultLogger = logger.NewLogger(logger.WithOutput(&out))
	t.Cleanup(func() { logger.DefaultLogger = before })
	return &out
}

func TestASourceThatEndsAgainAndAgainIsToldOnce(t *testing.T) {
	for name, lasts := range map[string]time.Duration{"at once": 0, "after a while": 2 * time.Second} {
		t.Run(name, func(t *testing.T) {
			out := logged(t)
			synctest.Test(t, func(t *testing.T) {
				document := newText(`{"a":1}`)
				src := &scripted{name: "ending", read: document.read}
				src.watch = func() (source.Watcher, error) {
					return &ending{after: lasts, document: document, stop: make(chan struct{}, 2)}, nil
				}
				l := memory.NewLoader()
				if err := l.Load(src); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				if n := strings.Count(out.String(), "following source ending"); n != 1 {
					t.Errorf("the end was logged %d times:\n%s", n, out.String())
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

func TestTheEndOfAWatchThatWorkedIsToldAgain(t *testing.T) {
	out := logged(t)
	synctest.Test(t, func(t *testing.T) {
		document := newText(`{"a":1}`)
		src := &scripted{name: "ending", read: document.read}
		src.watch = func() (source.Watcher, error) {
			return &ending{after: time.Hour, document: document, stop: make(chan struct{}, 2)}, nil
		}
		l := memory.NewLoader()
		if err := l.Load(src); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2*time.Hour + time.Minute)
		synctest.Wait()
		if n := strings.Count(out.String(), "following source ending"); n != 2 {
			t.Errorf("two ends, an hour apart, were logged %d times:\n%s", n, out.String())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// ending is a watcher that tells one document and then ends.
type ending struct {
	after    time.Duration
	document *text
	told     bool
	stop     chan struct{}
}

func (e *ending) Next() (*source.ChangeSet, error) {
	if !e.told {
		e.told = true
		return e.document.read()
	}
	select {
	case <-e.stop:
	case <-time.After(e.after):
	}
	return nil, errDown
}

func (e *ending) Stop() error { e.stop <- struct{}{}; return nil }

func TestWithoutAWatcherNoSourceIsWatched(t *testing.T) {
	src := &scripted{name: "watched", read: func() (*source.ChangeSet, error) { return jsonSet(`{}`), nil }}
	src.watch = func() (source.Watcher, error) { t.Error("the source is watched"); return source.NewNoopWatcher() }
	l := newLoader(t, memory.WithWatcherDisabled(), memory.WithSource(src))
	if err := l.Load(src); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Watch(); err == nil || err.Error() != "watcher is disabled" {
		t.Errorf("Watch: %v", err)
	}
}

func TestCloseEndsWatchers(t *testing.T) {
	l := memory.NewLoader()
	if err := l.Load(jsonSource(`{}`)); err != nil {
		t.Fatal(err)
	}
	w, err := l.Watch()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { _, err := w.Next(); ended <- err }()
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := <-ended; !errors.Is(err, source.ErrWatcherStopped) {
		t.Errorf("Next ended with %v", err)
	}
	if err := l.Load(jsonSource(`{}`)); err == nil {
		t.Error("a closed loader loads")
	}
	if _, err := l.Watch(); err == nil {
		t.Error("a closed loader is watched")
	}
}

func TestSourceThatIgnoresStopIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		src := &scripted{name: "stubborn", read: func() (*source.ChangeSet, error) { return jsonSet(`{}`), nil }}
		src.watch = func() (source.Watcher, error) { return stubborn(release), nil }
		l := memory.NewLoader()
		if err := l.Load(src); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := l.Close(); err == nil {
			t.Error("Close says nothing of a source that still watches")
		}
		close(release)
		synctest.Wait()
	})
}

type stubborn chan struct{}

func (s stubborn) Next() (*source.ChangeSet, error) { <-s; return nil, errDown }
func (stubborn) Stop() error                        { return nil }

func TestStopIsSafeBesideNotify(t *testing.T) {
	src := jsonSource(`{"a":0}`)
	l := newLoader(t)
	if err := l.Load(src); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 200 {
			write(t, src, `{"a":`+strings.Repeat("1", i%15+1)+`}`)
		}
	})
	for range 4 {
		wg.Go(func() {
			for range 50 {
				w, err := l.Watch("a")
				if err != nil {
					t.Error(err)
					return
				}
				wg.Go(func() { _, _ = w.Next() })
				_ = w.Stop()
				_ = w.Stop()
			}
		})
	}
	wg.Wait()
}

func TestACopyOfASnapshotSharesNoMemory(t *testing.T) {
	s := &loader.Snapshot{ChangeSet: jsonSet(`{}`), Version: "1"}
	c := loader.Copy(s)
	c.ChangeSet.Format = "other"
	if s.ChangeSet.Format != "json" || c.Version != "1" {
		t.Errorf("the copy of %+v is %+v", s, c)
	}
}
