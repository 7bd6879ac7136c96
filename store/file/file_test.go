package file_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/file"
	"github.com/justcy/go-micro/v4/store/storetest"
	"github.com/justcy/go-micro/v4/util/cmd"
)

func open(t testing.TB, dir string) store.Store {
	s := file.NewStore(file.DirOption(dir))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Harness{
		New:       func(t testing.TB) store.Store { return open(t, t.TempDir()) },
		NoSharing: true,
	})
}

func TestOptionsHaveDefaults(t *testing.T) {
	s := file.NewStore()
	if o := s.Options(); o.Database != "micro" || o.Table != "micro" || s.String() != "file" {
		t.Errorf("%s has %+v", s, o)
	}
	if !strings.HasSuffix(file.DefaultDir, filepath.Join("micro", "store")) {
		t.Errorf("the folder is %s", file.DefaultDir)
	}
	if cmd.DefaultStores["file"] == nil {
		t.Error("--store file is not known")
	}
}

func TestAStoreIsReadAfterItWasClosed(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	must(t, first.Write(&store.Record{Key: "key", Value: []byte("value")}))
	must(t, first.Close())
	second := open(t, dir)
	records, err := second.Read("key")
	if err != nil || string(records[0].Value) != "value" {
		t.Errorf("got %v, %v", records, err)
	}
	must(t, second.Close())
	if _, err := first.Read("key"); err != nil {
		t.Errorf("a store used on after Close: %v", err)
	}
}

func TestAnUnusableFolderIsToldByInit(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "a\x00b"))
	if err := s.Init(); err == nil {
		t.Error("Init succeeds")
	}
	if err := s.Write(&store.Record{Key: "key"}); err == nil {
		t.Error("Write succeeds")
	}
}

func TestAKeyOfAnyBytesComesBack(t *testing.T) {
	s := open(t, t.TempDir())
	keys := []string{"\x00", "\n", "a\xff", "a\xffb", strings.Repeat("k", 32768), "é", "\xff\xff"}
	slices.Sort(keys)
	for _, key := range keys {
		must(t, s.Write(&store.Record{Key: key, Value: []byte(key)}))
	}
	if got := list(t, s); !slices.Equal(got, keys) {
		t.Errorf("keys are %.50q", got)
	}
	if got := list(t, s, store.ListPrefix("a\xff"), store.ListSuffix("b")); !slices.Equal(got, []string{"a\xffb"}) {
		t.Errorf("keys are %q", got)
	}
	for _, key := range []string{"", strings.Repeat("k", 32769)} {
		if err := s.Write(&store.Record{Key: key}); !errors.Is(err, file.ErrName) {
			t.Errorf("%.20q: %v", key, err)
		}
		if _, err := s.Read(key); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%.20q: %v", key, err)
		}
		must(t, s.Delete(key))
	}
}

func TestMetadataThatIsNoJSONFailsItsWriteAlone(t *testing.T) {
	s := open(t, t.TempDir())
	var writers sync.WaitGroup
	for i := range 32 {
		writers.Go(func() {
			r := &store.Record{Key: fmt.Sprint(i)}
			if i%2 == 0 {
				r.Metadata = map[string]any{"f": func() {}}
			}
			if err := s.Write(r); (err != nil) != (i%2 == 0) {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	writers.Wait()
	if got := list(t, s); len(got) != 16 {
		t.Errorf("keys are %q", got)
	}
}

func TestExpiredRecordsAreRemovedFromTheFile(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := file.NewStore(file.DirOption(dir))
		for i := range 1500 { // more than one look
			must(t, s.Write(&store.Record{Key: fmt.Sprintf("short-%04d", i)}, store.WriteTTL(time.Minute)))
		}
		must(t, s.Write(&store.Record{Key: "long"}, store.WriteTTL(time.Hour)))
		must(t, s.Write(&store.Record{Key: "for ever"}))
		time.Sleep(6 * time.Minute)
		synctest.Wait()
		must(t, s.Close())
	})
	var keys []string
	inFile(t, filepath.Join(dir, "micro", "micro.db"), func(b *bolt.Bucket) error {
		return b.ForEach(func(k, _ []byte) error {
			keys = append(keys, string(k))
			return nil
		})
	})
	if !slices.Equal(keys, []string{"for ever", "long"}) {
		t.Errorf("the file has %d keys: %.200q", len(keys), keys)
	}
}

func TestARecordWrittenAgainIsNotRemoved(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := file.NewStore(file.DirOption(dir))
		defer s.Close()
		must(t, s.Write(&store.Record{Key: "key"}, store.WriteTTL(time.Minute)))
		time.Sleep(2 * time.Minute)
		must(t, s.Write(&store.Record{Key: "key"}, store.WriteTTL(24*time.Hour)))
		time.Sleep(time.Hour)
		records, err := s.Read("key")
		must(t, err)
		if left := records[0].Expiry; left != 23*time.Hour {
			t.Errorf("%v left", left)
		}
		time.Sleep(23 * time.Hour)
		if _, err := s.Read("key"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

func TestCloseDuringUseLosesNothingThatWasWritten(t *testing.T) {
	s := open(t, t.TempDir())
	var mu sync.Mutex
	var written []string
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 50 {
				key := fmt.Sprintf("%d-%02d", w, i)
				if s.Write(&store.Record{Key: key}) == nil {
					mu.Lock()
					written = append(written, key)
					mu.Unlock()
				}
				_, _ = s.Read(key)
				_, _ = s.List()
			}
		})
	}
	for range 10 {
		must(t, s.Close())
	}
	writers.Wait()
	slices.Sort(written)
	for _, key := range written {
		if _, err := s.Read(key); err != nil {
			t.Errorf("%s was written: %v", key, err)
		}
	}
	if len(written) == 0 {
		t.Error("nothing was written")
	}
}

func Example() {
	s := file.NewStore(file.DirOption(filepath.Join(exampleDir, "orders")))
	defer s.Close()
	if err := s.Write(&store.Record{Key: "order/1", Value: []byte("lamp")}); err != nil {
		fmt.Println(err)
	}
	keys, err := s.List(store.ListPrefix("order/"))
	fmt.Println(keys, err)
	// Output: [order/1] <nil>
}
