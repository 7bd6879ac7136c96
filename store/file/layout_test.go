package file_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/file"
)

// v4Record is a record as go-micro v4 keeps it.
type v4Record struct {
	Key       string
	Value     []byte
	Metadata  map[string]any
	ExpiresAt time.Time
}

// inFile opens a table's file behind the store's back.
func inFile(t *testing.T, path string, do func(*bolt.Bucket) error) {
	t.Helper()
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists([]byte("data"))
		if err != nil {
			return err
		}
		return do(b)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func list(t *testing.T, s store.Store, opts ...store.ListOption) []string {
	t.Helper()
	keys, err := s.List(opts...)
	must(t, err)
	return keys
}

func TestWhatGoMicroV4WroteIsRead(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "shop"), 0o700))
	soon := time.Now().Add(time.Hour).Round(0)
	inFile(t, filepath.Join(dir, "shop", "orders.db"), func(b *bolt.Bucket) error {
		for _, r := range []v4Record{
			{Key: "plain", Value: []byte("lamp")},
			{Key: "empty", Metadata: map[string]any{}},
			{Key: "all", Value: []byte("\x00\xff"), Metadata: map[string]any{"colour": `"red"`}, ExpiresAt: soon},
			{Key: "expired", Value: []byte("old"), ExpiresAt: time.Now().Add(-time.Hour)},
		} {
			data, err := json.Marshal(r)
			if err != nil {
				return err
			}
			if err := b.Put([]byte(r.Key), data); err != nil {
				return err
			}
		}
		return nil
	})
	s := open(t, dir)
	must(t, s.Init(store.Database("shop"), store.Table("orders")))
	if got := list(t, s); !slices.Equal(got, []string{"all", "empty", "plain"}) {
		t.Fatalf("keys are %q", got)
	}
	records, err := s.Read("", store.ReadPrefix())
	must(t, err)
	all, empty, plain := records[0], records[1], records[2]
	if string(all.Value) != "\x00\xff" || all.Metadata["colour"] != `"red"` || all.Expiry > time.Hour || all.Expiry < 50*time.Minute {
		t.Errorf("record is %+v", all)
	}
	if len(empty.Value) != 0 || len(empty.Metadata) != 0 || empty.Expiry != 0 {
		t.Errorf("record is %+v", empty)
	}
	if string(plain.Value) != "lamp" || plain.Expiry != 0 {
		t.Errorf("record is %+v", plain)
	}
}

func TestWhatIsWrittenIsWhatGoMicroV4Reads(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	ends := time.Now().Add(time.Hour)
	must(t, s.Write(&store.Record{Key: `a"b`, Value: []byte("lamp"), Metadata: map[string]any{"n": 1}}, store.WriteExpiry(ends)))
	must(t, s.Write(&store.Record{Key: "c"}))
	must(t, s.Close())
	inFile(t, filepath.Join(dir, "micro", "micro.db"), func(b *bolt.Bucket) error {
		var r v4Record
		must(t, json.Unmarshal(b.Get([]byte(`a"b`)), &r))
		if r.Key != `a"b` || string(r.Value) != "lamp" || r.Metadata["n"] != 1.0 || !r.ExpiresAt.Equal(ends) {
			t.Errorf("record is %+v", r)
		}
		r = v4Record{}
		must(t, json.Unmarshal(b.Get([]byte("c")), &r))
		if r.Key != "c" || !r.ExpiresAt.IsZero() {
			t.Errorf("record is %+v", r)
		}
		return nil
	})
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	s := open(t, dir)
	must(t, s.Write(&store.Record{Key: "key"}, store.WriteTo("a/b", "t")))
	for path, want := range map[string]os.FileMode{"": 0o700, "a": 0o700, "a/b": 0o700, "a/b/t.db": 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v", path, info.Mode(), err)
		}
	}
}

func TestNamesStayInTheFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir)
	odd := []string{"..", "../x", "a/../../x", "/x", "//", "a//b", ".", "./x", "x/", `..\x`, "a\x00b", strings.Repeat("x", 253)}
	for _, name := range odd {
		for _, place := range [][2]string{{name, "t"}, {"d", name}} {
			database, table := place[0], place[1]
			if len(database) == 253 || table == "." || table == ".." {
				continue // legal: the first has no extension, the others have one
			}
			if err := s.Write(&store.Record{Key: "key"}, store.WriteTo(database, table)); !errors.Is(err, file.ErrName) {
				t.Errorf("writing to %.30q, %.30q: %v", database, table, err)
			}
			if _, err := s.Read("key", store.ReadFrom(database, table)); !errors.Is(err, file.ErrName) {
				t.Errorf("reading from %.30q, %.30q: %v", database, table, err)
			}
			if _, err := s.List(store.ListFrom(database, table)); !errors.Is(err, file.ErrName) {
				t.Errorf("listing %.30q, %.30q: %v", database, table, err)
			}
			if err := s.Delete("key", store.DeleteFrom(database, table)); !errors.Is(err, file.ErrName) {
				t.Errorf("deleting from %.30q, %.30q: %v", database, table, err)
			}
		}
	}
	beside, err := os.ReadDir(filepath.Dir(dir))
	must(t, err)
	if len(beside) > 1 {
		t.Errorf("beside the folder there are %v", beside)
	}
}

func TestReadingMakesNoFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir)
	if _, err := s.Read("key"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Read: %v", err)
	}
	if got := list(t, s); len(got) != 0 {
		t.Errorf("List: %q", got)
	}
	must(t, s.Delete("key"))
	must(t, s.Write(&store.Record{Key: "key", Expiry: -1}))
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}

func TestATableThatIsInUseElsewhereIsNamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := open(t, dir), open(t, dir)
	must(t, first.Write(&store.Record{Key: "key"}))
	err := second.Write(&store.Record{Key: "key"})
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "micro", "micro.db")) || !strings.Contains(err.Error(), "has it open") {
		t.Fatalf("got %v", err)
	}
	must(t, first.Close())
	must(t, second.Write(&store.Record{Key: "key"})) // the failure is not kept
}

func TestADamagedRecordIsNamed(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	must(t, s.Write(&store.Record{Key: "good"}))
	must(t, s.Close())
	inFile(t, filepath.Join(dir, "micro", "micro.db"), func(b *bolt.Bucket) error { return b.Put([]byte("bad"), []byte("{")) })
	if _, err := s.Read("bad"); err == nil || !strings.Contains(err.Error(), `"bad"`) {
		t.Errorf("got %v", err)
	}
	if _, err := s.Read("good"); err != nil {
		t.Error(err)
	}
	must(t, s.Write(&store.Record{Key: "bad", Value: []byte("mended")}))
	if got := list(t, s); !slices.Equal(got, []string{"bad", "good"}) {
		t.Errorf("keys are %q", got)
	}
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "micro"), 0o700))
	path := filepath.Join(dir, "micro", "micro.db")
	must(t, os.WriteFile(path, []byte(strings.Repeat("not a database", 10_000)), 0o600))
	s := open(t, dir)
	if err := s.Write(&store.Record{Key: "key"}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
}
