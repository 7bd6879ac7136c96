package store_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/storetest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestMemoryConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{New: func(testing.TB) store.Store { return store.NewMemoryStore() }, NoSharing: true})
}

func put(t *testing.T, s store.Store, key string, opts ...store.WriteOption) {
	t.Helper()
	if err := s.Write(&store.Record{Key: key, Value: []byte(key)}, opts...); err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, s store.Store, opts ...store.ListOption) []string {
	t.Helper()
	keys, err := s.List(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestPrefixReadWithoutLimitReturnsAllMatches(t *testing.T) {
	s := store.NewMemoryStore()
	for i := range 300 {
		put(t, s, fmt.Sprintf("k%03d", i))
	}
	records, err := s.Read("k", store.ReadPrefix())
	if err != nil || len(records) != 300 {
		t.Errorf("%d records, %v", len(records), err)
	}
}

func TestLimitCountsFromOffset(t *testing.T) {
	s := store.NewMemoryStore()
	for _, k := range []string{"a1", "b1", "b2", "b3", "b4"} {
		put(t, s, k)
	}
	records, _ := s.Read("b", store.ReadPrefix(), store.ReadOffset(1), store.ReadLimit(2))
	if len(records) != 2 || records[0].Key != "b2" || records[1].Key != "b3" {
		t.Errorf("got %v", records)
	}
	if got := list(t, s, store.ListPrefix("b"), store.ListOffset(1), store.ListLimit(2)); !slices.Equal(got, []string{"b2", "b3"}) {
		t.Errorf("got %v", got)
	}
}

func TestOffsetPastLimitOrEndIsEmpty(t *testing.T) {
	s := store.NewMemoryStore()
	put(t, s, "a")
	put(t, s, "b")
	if got := list(t, s, store.ListOffset(9), store.ListLimit(1)); got == nil || len(got) != 0 {
		t.Errorf("past the end: %v", got)
	}
	put(t, s, "c")
	if got := list(t, s, store.ListOffset(2), store.ListLimit(1)); !slices.Equal(got, []string{"c"}) {
		t.Errorf("offset over limit: %v", got)
	}
}

func TestKeysAreNotCleanedAsPaths(t *testing.T) {
	s := store.NewMemoryStore()
	keys := []string{"../x", "./a", "/a", "a", "a/", "a//b", "a/b"}
	for _, k := range keys {
		put(t, s, k)
	}
	if got := list(t, s); !slices.Equal(got, keys) {
		t.Errorf("got %q", got)
	}
}

func TestTablesWithSlashesAreIsolated(t *testing.T) {
	s := store.NewMemoryStore(store.Table(""))
	put(t, s, "b/k", store.WriteTo("d", "a"))
	put(t, s, "k", store.WriteTo("d", "a/b"))
	put(t, s, "own")
	for _, c := range []struct {
		table string
		want  []string
	}{{"a", []string{"b/k"}}, {"a/b", []string{"k"}}} {
		if got := list(t, s, store.ListFrom("d", c.table)); !slices.Equal(got, c.want) {
			t.Errorf("table %s: %q", c.table, got)
		}
	}
	if got := list(t, s); !slices.Equal(got, []string{"own"}) {
		t.Errorf("the empty table sees %q", got)
	}
}

func TestPastExpiryDoesNotStoreForEver(t *testing.T) {
	s := store.NewMemoryStore()
	put(t, s, "past", store.WriteExpiry(time.Now().Add(-time.Second)))
	if err := s.Write(&store.Record{Key: "negative", Expiry: -1}); err != nil {
		t.Fatal(err)
	}
	put(t, s, "existing")
	put(t, s, "existing", store.WriteTTL(-time.Second))
	if got := list(t, s); len(got) != 0 {
		t.Errorf("stored %q", got)
	}
}

func TestExpiredKeyIsSkippedInPrefixRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemoryStore()
		defer s.Close()
		put(t, s, "a1", store.WriteTTL(time.Second))
		put(t, s, "a2")
		time.Sleep(time.Second)
		records, err := s.Read("a", store.ReadPrefix())
		if err != nil || len(records) != 1 || records[0].Key != "a2" {
			t.Errorf("got %v, %v", records, err)
		}
	})
}

func TestExpiredIsInvisibleAtOnceAndSweptLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemoryStore()
		defer s.Close()
		put(t, s, "short", store.WriteTTL(time.Minute))
		put(t, s, "long", store.WriteTTL(time.Hour))
		time.Sleep(time.Minute - 1)
		records, err := s.Read("short")
		if err != nil || records[0].Expiry != 1 {
			t.Fatalf("just before: %v, %v", records, err)
		}
		time.Sleep(time.Nanosecond)
		if _, err := s.Read("short"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("expired record: %v", err)
		}
		time.Sleep(2 * time.Hour) // through many sweeps
		if got := list(t, s); len(got) != 0 {
			t.Errorf("left %q", got)
		}
		put(t, s, "again", store.WriteTTL(time.Second)) // the timer starts anew
		time.Sleep(time.Hour)
	})
}

func TestCloseDropsDataAndStaysUsable(t *testing.T) {
	s := store.NewMemoryStore()
	put(t, s, "a", store.WriteTTL(time.Hour))
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(t, s); len(got) != 0 {
		t.Errorf("left %q", got)
	}
	put(t, s, "b")
	if got := list(t, s); !slices.Equal(got, []string{"b"}) {
		t.Errorf("after Close: %q", got)
	}
}

func TestInitOptionsAndReadsDoNotRace(t *testing.T) {
	s := store.NewMemoryStore(store.WithLogger(logger.DefaultLogger))
	if s.Options().Logger == nil {
		t.Error("the logger option is ignored")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				_ = s.Init(store.Table("x"))
				_ = s.Options()
				_ = s.Write(&store.Record{Key: "k"})
				_, _ = s.Read("k")
				_, _ = s.List()
			}
		})
	}
	wg.Wait()
}

func TestOptionMayReadTheOptions(t *testing.T) {
	s := store.NewMemoryStore(store.Table("a"))
	if err := s.Init(func(o *store.Options) { o.Database = s.Options().Table }); err != nil {
		t.Fatal(err)
	}
	if o := s.Options(); o.Database != "a" || o.Table != "a" {
		t.Errorf("options are %+v", o)
	}
}

func TestWriteAndDeleteWithoutListingStaysBounded(t *testing.T) {
	s := store.NewMemoryStore()
	put(t, s, "stays")
	for i := range 10_000 {
		key := fmt.Sprint(i)
		put(t, s, key)
		if err := s.Delete(key); err != nil {
			t.Fatal(err)
		}
	}
	if got := list(t, s); !slices.Equal(got, []string{"stays"}) {
		t.Errorf("left %q", got)
	}
}

func TestNoopKeepsNothing(t *testing.T) {
	s := store.NewNoopStore(store.Table("ignored"))
	put(t, s, "a")
	records, err := s.Read("a")
	if records == nil || len(records) != 0 || err != nil {
		t.Errorf("Read: %v, %v", records, err)
	}
	keys, err := s.List()
	if keys == nil || len(keys) != 0 || err != nil {
		t.Errorf("List: %v, %v", keys, err)
	}
	if s.Options().Table != "" || s.String() != "noop" || s.Init() != nil || s.Delete("a") != nil || s.Close() != nil {
		t.Error("the noop store does something")
	}
}

func Example() {
	s := store.NewMemoryStore()
	defer s.Close()
	for _, name := range []string{"ada", "grace", "edsger"} {
		if err := s.Write(&store.Record{Key: "user/" + name, Value: []byte(name)}, store.WriteTTL(time.Hour)); err != nil {
			fmt.Println(err)
		}
	}
	keys, err := s.List(store.ListPrefix("user/"), store.ListLimit(2))
	fmt.Println(keys, err)
	_, err = s.Read("user/alan")
	fmt.Println(err)
	// Output:
	// [user/ada user/edsger] <nil>
	// not found
}

func BenchmarkMemoryRead(b *testing.B) {
	s := store.NewMemoryStore()
	_ = s.Write(&store.Record{Key: "key", Value: make([]byte, 128)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Read("key"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMemoryWrite(b *testing.B) {
	s := store.NewMemoryStore()
	r := &store.Record{Key: "key", Value: make([]byte, 128)}
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Write(r); err != nil {
			b.Fatal(err)
		}
	}
}

func heapAlloc() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func TestTheMemoryOfDeletedAndExpiredRecordsComesBack(t *testing.T) {
	const n = 20_000
	for name, expire := range map[string]bool{"deleted": false, "expired": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := store.NewMemoryStore()
				defer s.Close()
				put(t, s, "stays")
				before := heapAlloc()
				for i := range n {
					var opts []store.WriteOption
					if expire {
						opts = append(opts, store.WriteTTL(time.Hour))
					}
					put(t, s, fmt.Sprint(i), opts...)
				}
				full := heapAlloc() - before
				if expire {
					time.Sleep(time.Hour + time.Second)
					synctest.Wait()
				} else {
					for i := range n {
						_ = s.Delete(fmt.Sprint(i))
					}
				}
				if left := max(heapAlloc(), before) - before; left > full/10 {
					t.Errorf("%d of %d bytes are left", left, full)
				}
				if got := list(t, s); !slices.Equal(got, []string{"stays"}) {
					t.Errorf("%d keys are left", len(got))
				}
			})
		})
	}
}

func TestARecordThatExpiresBeforeOthersIsRemovedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := store.NewMemoryStore()
		defer s.Close()
		put(t, s, "late", store.WriteTTL(time.Hour))
		before := heapAlloc()
		for i := range 5_000 {
			put(t, s, fmt.Sprint(i), store.WriteTTL(time.Minute))
		}
		full := heapAlloc() - before
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if left := max(heapAlloc(), before) - before; left > full/10 {
			t.Errorf("%d of %d bytes are left a second after they expired", left, full)
		}
	})
}

// A queue takes its first key, and adds one at its end.
func BenchmarkScaleMemoryQueue(b *testing.B) {
	for _, n := range []int{10, 100, 1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := store.NewMemoryStore()
			key := func(i int) string { return fmt.Sprintf("job/%012d", i) }
			for i := range n {
				_ = s.Write(&store.Record{Key: key(i), Value: make([]byte, 16)})
			}
			b.ReportAllocs()
			for i := n; b.Loop(); i++ {
				_ = s.Write(&store.Record{Key: key(i), Value: make([]byte, 16)})
				keys, err := s.List(store.ListPrefix("job/"), store.ListLimit(1))
				if err != nil || len(keys) != 1 || keys[0] != key(i-n) {
					b.Fatalf("%v, %v", keys, err)
				}
				_ = s.Delete(keys[0])
			}
		})
	}
}
