package sync_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	stdsync "sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/util/sync"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// layer is a memory store that fails on demand.
type layer struct {
	store.Store
	name string
	mu   stdsync.Mutex
	err  error
	puts int
}

func newLayer(name string) *layer { return &layer{Store: store.NewMemoryStore(), name: name} }

func (l *layer) String() string { return l.name }

func (l *layer) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *layer) Init(opts ...store.Option) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.err, l.Store.Init(opts...))
}

func (l *layer) Write(r *store.Record, opts ...store.WriteOption) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.puts++
	return l.Store.Write(r, opts...)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// started returns a Sync over n layers with its tasks running.
func started(t *testing.T, n int, opts ...sync.Option) (sync.Sync, []*layer, context.CancelFunc) {
	t.Helper()
	var layers []*layer
	var stores []store.Store
	for i := range n {
		l := newLayer(fmt.Sprint("l", i))
		t.Cleanup(func() { l.Store.Close() })
		layers, stores = append(layers, l), append(stores, l)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := sync.NewSync(append(opts, sync.Stores(stores...))...)
	must(t, s.Init(store.WithContext(ctx)))
	t.Cleanup(func() { cancel(); s.Close() })
	return s, layers, cancel
}

func write(t *testing.T, s store.Store, key, value string, opts ...store.WriteOption) {
	t.Helper()
	must(t, s.Write(&store.Record{Key: key, Value: []byte(value)}, opts...))
}

// value returns what the store has under key, "" for nothing.
func value(t *testing.T, s store.Store, key string) string {
	t.Helper()
	records, err := s.Read(key)
	if errors.Is(err, store.ErrNotFound) {
		return ""
	}
	must(t, err)
	return string(records[0].Value)
}

func want(t *testing.T, s store.Store, key, want string) {
	t.Helper()
	if got := value(t, s, key); got != want {
		t.Errorf("%s has %q under %q, want %q", s.String(), got, key, want)
	}
}

func TestInitNeedsStoresAndAContext(t *testing.T) {
	if err := sync.NewSync().Init(); err == nil || err.Error() != "the sync has no stores" {
		t.Errorf("got %v", err)
	}
	l := newLayer("memory")
	s := sync.NewSync(sync.Stores(l))
	if err := s.Init(); err == nil || err.Error() != "please provide a context to the sync. Canceling the context signals that the sync is being disposed and syncs the sync" {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	l.fail(broken)
	err := s.Init(store.WithContext(context.Background()))
	if !errors.Is(err, broken) || err.Error() != "Store memory failed to Init(): broken" {
		t.Errorf("got %v", err)
	}
}

func TestWithoutStoresNothingPanics(t *testing.T) {
	s := sync.NewSync()
	_, readErr := s.Read("a")
	_, listErr := s.List()
	for _, err := range []error{readErr, listErr, s.Write(&store.Record{Key: "a"}), s.Delete("a")} {
		if err == nil || err.Error() != "the sync has no stores" {
			t.Errorf("got %v", err)
		}
	}
	if err := errors.Join(s.Sync(), s.Close()); err != nil {
		t.Error(err)
	}
}

func TestTheNameListsTheLayers(t *testing.T) {
	if got := sync.NewSync(sync.Stores(newLayer("a"), newLayer("b"))).String(); got != "sync [a b]" {
		t.Errorf("got %q", got)
	}
}

func TestChangesReachEveryLayer(t *testing.T) {
	s, layers, _ := started(t, 3)
	write(t, s, "kept", "1")
	write(t, s, "deleted", "1")
	must(t, s.Sync())
	for _, l := range layers {
		want(t, l, "kept", "1")
		want(t, l, "deleted", "1")
	}
	write(t, s, "kept", "2")
	must(t, s.Delete("deleted"))
	must(t, s.Delete("unknown"))
	must(t, s.Sync())
	for _, l := range layers {
		want(t, l, "kept", "2")
		want(t, l, "deleted", "")
	}
}

func TestLayersAreFlushedAtGrowingIntervals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, layers, _ := started(t, 3, sync.SyncInterval(time.Minute), sync.SyncMultiplier(5))
		write(t, s, "a", "1")
		time.Sleep(59 * time.Second)
		want(t, layers[1], "a", "")
		time.Sleep(2 * time.Second)
		want(t, layers[1], "a", "1")
		want(t, layers[2], "a", "")
		time.Sleep(4 * time.Minute)
		want(t, layers[2], "a", "1")
	})
}

func TestTheDefaultIntervalIsAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, layers, _ := started(t, 2, sync.SyncInterval(-1), sync.SyncMultiplier(-1))
		write(t, s, "a", "1")
		time.Sleep(61 * time.Second)
		want(t, layers[1], "a", "1")
	})
}

func TestTheEndOfTheContextPassesEverythingOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, layers, cancel := started(t, 3)
		write(t, s, "a", "1")
		cancel()
		synctest.Wait()
		want(t, layers[2], "a", "1")
	})
}

func TestCloseEndsAllTasksAndPassesOnWhatIsLeft(t *testing.T) {
	testkit.NoLeaks(t)
	s, layers, _ := started(t, 3)
	write(t, s, "a", "1")
	var wg stdsync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	want(t, layers[2], "a", "1") // Close passes on what is left
}

// Two Inits at the same time both count, whole.
func TestConcurrentInitsLoseNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	pause := func(*store.Options) { runtime.Gosched() }
	for range 200 {
		s := sync.NewSync(sync.Stores(newLayer("0"), newLayer("1")))
		var wg stdsync.WaitGroup
		wg.Go(func() { _ = s.Init(store.WithContext(ctx), store.Table("a"), pause) })
		wg.Go(func() { _ = s.Init(store.WithContext(ctx), store.Database("b"), pause) })
		wg.Wait()
		o := s.Options()
		must(t, s.Close())
		if o.Table != "a" || o.Database != "b" {
			t.Fatalf("options are %+v", o)
		}
	}
}

func TestInitAgainReplacesTheTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, layers, _ := started(t, 2)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		must(t, s.Init(store.WithContext(ctx)))
		if s.Options().Context != ctx {
			t.Error("Options has another context")
		}
		write(t, s, "a", "1")
		time.Sleep(61 * time.Second)
		want(t, layers[1], "a", "1")
	})
}

func TestAReadMissIsAnsweredByTheLayersBelow(t *testing.T) {
	s, layers, _ := started(t, 3)
	write(t, layers[2], "deep", "1")
	want(t, s, "deep", "1")
	want(t, s, "unknown", "")

	records, err := s.Read("de", store.ReadPrefix())
	if err != nil || len(records) != 1 || records[0].Key != "deep" {
		t.Errorf("got %v, %v", records, err)
	}
}

func TestADeletedRecordDoesNotComeBackFromBelow(t *testing.T) {
	s, layers, _ := started(t, 3)
	write(t, layers[2], "a/1", "1")
	write(t, layers[2], "a/2", "1")
	must(t, s.Delete("a/1"))
	want(t, s, "a/1", "")
	records, err := s.Read("a/", store.ReadPrefix())
	if err != nil || len(records) != 1 || records[0].Key != "a/2" {
		t.Errorf("got %v, %v", records, err)
	}
}

func TestARecordTheFirstLayerLostIsReadFromTheQueue(t *testing.T) {
	s, layers, _ := started(t, 2)
	write(t, s, "a", "1", store.WriteTTL(time.Hour))
	must(t, layers[0].Delete("a"))
	want(t, s, "a", "1")
}

func TestReadsThatFailAreNotAnsweredFromBelow(t *testing.T) {
	broken := errors.New("broken")
	s := sync.NewSync(sync.Stores(unreadable{newLayer("a"), broken}, newLayer("b")))
	if _, err := s.Read("a"); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type unreadable struct {
	store.Store
	err error
}

func (u unreadable) Read(string, ...store.ReadOption) ([]*store.Record, error) { return nil, u.err }

func TestTheQueueKeepsMetadataTableAndOptions(t *testing.T) {
	s, layers, _ := started(t, 2)
	r := &store.Record{Key: "a", Value: []byte("1"), Metadata: map[string]any{"by": "ada"}}
	must(t, s.Write(r, store.WriteTo("db", "table"), store.WriteTTL(time.Hour)))
	r.Value[0], r.Metadata["by"] = '2', "eve" // the caller's again
	must(t, s.Sync())

	records, err := layers[1].Read("a", store.ReadFrom("db", "table"))
	must(t, err)
	got := records[0]
	if string(got.Value) != "1" || got.Metadata["by"] != "ada" || got.Expiry <= 0 || got.Expiry > time.Hour {
		t.Errorf("got %+v", *got)
	}
	want(t, layers[1], "a", "")

	must(t, s.Delete("a", store.DeleteFrom("db", "table")))
	must(t, s.Sync())
	if _, err := layers[1].Read("a", store.ReadFrom("db", "table")); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func TestExpiredWritesAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, layers, _ := started(t, 2)
		write(t, layers[1], "a", "old")
		write(t, s, "a", "1", store.WriteTTL(time.Second))
		write(t, s, "b", "1", store.WriteExpiry(time.Now().Add(time.Second)))
		must(t, s.Write(&store.Record{Key: "c", Value: []byte("1"), Expiry: time.Second}))
		time.Sleep(61 * time.Second)
		for _, key := range []string{"a", "b", "c"} {
			want(t, layers[1], key, "")
			want(t, s, key, "")
		}
	})
}

func TestAFailedWriteIsPutBack(t *testing.T) {
	s, layers, _ := started(t, 2)
	broken := errors.New("broken")
	layers[1].fail(broken)
	write(t, s, "a", "1")
	write(t, s, "b", "1")
	if err := s.Sync(); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	layers[1].fail(nil)
	write(t, s, "a", "2")
	must(t, s.Sync())
	want(t, layers[1], "a", "2")
	want(t, layers[1], "b", "1")
}

func TestOnlyTheLastOfManyWritesIsPassedOn(t *testing.T) {
	s, layers, _ := started(t, 2)
	for i := range 100 {
		write(t, s, "a", fmt.Sprint(i))
	}
	must(t, s.Sync())
	want(t, layers[1], "a", "99")
	if layers[1].puts != 1 {
		t.Errorf("it was written %d times", layers[1].puts)
	}
}

func TestAFailedWriteToTheFirstLayerIsNotPassedOn(t *testing.T) {
	s, layers, _ := started(t, 2)
	layers[0].fail(errors.New("broken"))
	if err := s.Write(&store.Record{Key: "a"}); err == nil {
		t.Error("got no error")
	}
	if err := s.Write(nil); err == nil {
		t.Error("a nil record gave no error")
	}
	must(t, s.Sync())
	if layers[1].puts != 0 {
		t.Error("it was passed on")
	}
}

func TestLayersAgreeOnTheLastOfConcurrentWrites(t *testing.T) {
	s, layers, _ := started(t, 2)
	var wg stdsync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 50 {
				err := s.Write(&store.Record{Key: "a", Value: fmt.Appendf(nil, "%d/%d", i, n)})
				if n%10 == 0 {
					err = errors.Join(err, s.Sync())
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	must(t, s.Sync())
	want(t, layers[1], "a", value(t, layers[0], "a"))
}

func TestListListsTheFirstLayer(t *testing.T) {
	s, layers, _ := started(t, 2)
	write(t, s, "a", "1")
	write(t, layers[1], "b", "1")
	if keys, err := s.List(); err != nil || !slices.Equal(keys, []string{"a"}) {
		t.Errorf("got %v, %v", keys, err)
	}
}

func ExampleNewSync() {
	memory, disk := store.NewMemoryStore(), store.NewMemoryStore()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()

	s := sync.NewSync(sync.Stores(memory, disk))
	if err := s.Init(store.WithContext(ctx)); err != nil {
		fmt.Println(err)
	}
	s.Write(&store.Record{Key: "user/1", Value: []byte("Ada")})
	s.Close() // passes on what is left

	records, err := disk.Read("user/1")
	fmt.Println(string(records[0].Value), err)
	// Output: Ada <nil>
}
