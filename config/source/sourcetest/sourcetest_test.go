package sourcetest_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/memory"
	"github.com/justcy/go-micro/v4/config/source/sourcetest"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// broken is a good source with one defect.
type broken struct {
	source.Source
	read  func(source.Source) (*source.ChangeSet, error)
	write func(source.Source, *source.ChangeSet) error
	watch func(source.Source) (source.Watcher, error)
	name  func() string
	prime bool // reads once before it is used
}

func (b broken) Read() (*source.ChangeSet, error) {
	if b.read == nil {
		return b.Source.Read()
	}
	return b.read(b.Source)
}

func (b broken) Write(set *source.ChangeSet) error {
	if b.write == nil {
		return b.Source.Write(set)
	}
	return b.write(b.Source, set)
}

func (b broken) Watch() (source.Watcher, error) {
	if b.watch == nil {
		return b.Source.Watch()
	}
	return b.watch(b.Source)
}

func (b broken) String() string {
	if b.name == nil {
		return b.Source.String()
	}
	return b.name()
}

// badWatcher is a good watcher with one defect.
type badWatcher struct {
	source.Watcher
	next func(source.Watcher) (*source.ChangeSet, error)
	stop func(source.Watcher) error
}

func (w badWatcher) Next() (*source.ChangeSet, error) {
	if w.next == nil {
		return w.Watcher.Next()
	}
	return w.next(w.Watcher)
}

func (w badWatcher) Stop() error {
	if w.stop == nil {
		return w.Watcher.Stop()
	}
	return w.stop(w.Watcher)
}

func badly(w badWatcher) func(source.Source) (source.Watcher, error) {
	return func(s source.Source) (source.Watcher, error) {
		good, err := s.Watch()
		w := w
		w.Watcher = good
		return w, err
	}
}

func harness(defect func() broken) sourcetest.Harness {
	return sourcetest.Harness{
		New: func(_ testing.TB, document string) source.Source {
			b := defect()
			b.Source = memory.NewSource(memory.WithJSON([]byte(document)))
			if b.prime {
				_, _ = b.Read()
			}
			return b
		},
		Change: func(_ testing.TB, s source.Source, document string) {
			_ = s.(broken).Source.Write(&source.ChangeSet{Data: []byte(document), Format: "json"})
		},
		Settle: 100 * time.Millisecond,
	}
}

func TestBrokenSourcesFailByTheRightRule(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, tt := range map[string]struct {
		defect func() broken
		rule   string
	}{
		"no name": {func() broken { return broken{name: func() string { return "" }} }, "a source has a name"},
		"something else is read": {func() broken {
			return broken{read: func(source.Source) (*source.ChangeSet, error) {
				return &source.ChangeSet{Data: []byte(`{}`), Format: "json"}, nil
			}}
		}, "read returns what the source holds"},
		"no checksum": {func() broken {
			return broken{read: func(s source.Source) (*source.ChangeSet, error) {
				set, err := s.Read()
				set.Checksum = ""
				return set, err
			}}
		}, "a set has a format, the checksum of its data and a time"},
		"the second read fails": {func() broken {
			once := make(chan *source.ChangeSet, 1)
			return broken{read: func(s source.Source) (*source.ChangeSet, error) {
				select {
				case once <- nil:
					return s.Read()
				default:
					return nil, source.ErrWatcherStopped
				}
			}}
		}, "reading again returns the same"},
		"one set for all": {func() broken {
			var mu sync.Mutex
			var kept *source.ChangeSet
			return broken{read: func(s source.Source) (set *source.ChangeSet, err error) {
				mu.Lock()
				defer mu.Unlock()
				if kept == nil {
					kept, err = s.Read()
				}
				return kept, err
			}}
		}, "a set that was read belongs to the caller"},
		"writes fail": {func() broken {
			return broken{write: func(source.Source, *source.ChangeSet) error { return source.ErrWatcherStopped }}
		}, "writing what was read changes nothing"},
		"reads are cached": {func() broken {
			var once sync.Once
			var kept source.ChangeSet
			return broken{read: func(s source.Source) (*source.ChangeSet, error) {
				once.Do(func() { set, _ := s.Read(); kept = *set })
				set := kept
				return &set, nil
			}, prime: true}
		}, "read sees a change"},
		"changes are not told": {func() broken {
			return broken{watch: func(source.Source) (source.Watcher, error) { return source.NewNoopWatcher() }}
		}, "a watcher tells of a change, with all there is"},
		"one watcher for all": {func() broken {
			var once sync.Once
			var w source.Watcher
			return broken{watch: func(s source.Source) (source.Watcher, error) {
				once.Do(func() { w, _ = s.Watch() })
				return w, nil
			}}
		}, "stopping a watcher leaves the others alone"},
		"the first watcher alone is told": {func() broken {
			var once sync.Once
			return broken{watch: func(s source.Source) (w source.Watcher, err error) {
				w, err = source.NewNoopWatcher()
				once.Do(func() { w, err = s.Watch() })
				return w, err
			}}
		}, "every watcher is told"},
		"next hangs": {func() broken {
			return broken{watch: badly(badWatcher{next: func(source.Watcher) (*source.ChangeSet, error) {
				<-release
				return nil, source.ErrWatcherStopped
			}})}
		}, "stop unblocks next"},
		"next returns nothing after stop": {func() broken {
			return broken{watch: badly(badWatcher{next: func(w source.Watcher) (*source.ChangeSet, error) {
				set, _ := w.Next()
				return set, nil
			}})}
		}, "next fails after stop"},
		"stop panics the second time": {func() broken {
			stopped := make(chan struct{})
			return broken{watch: badly(badWatcher{stop: func(w source.Watcher) error {
				err := w.Stop()
				close(stopped)
				return err
			}})}
		}, "a watcher can be stopped again and again"},
	} {
		t.Run(name, func(t *testing.T) {
			got := sourcetest.Broken(guard{t}, harness(tt.defect))
			if !slices.Contains(got, tt.rule) {
				t.Errorf("it breaks %q, want %q", got, tt.rule)
			}
		})
	}
}

// guard keeps a clean-up of a broken source from failing the test.
type guard struct{ testing.TB }

func (g guard) Cleanup(f func()) {
	g.TB.Cleanup(func() {
		defer func() { _ = recover() }()
		f()
	})
}

func TestGoodSourceBreaksNoRule(t *testing.T) {
	h := harness(func() broken { return broken{} })
	h.Settle = 0
	sourcetest.Run(t, h)
}
