package file

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/justcy/go-micro/v4/store"
	"github.com/justcy/go-micro/v4/store/internal/query"
)

const (
	openTimeout = 5 * time.Second // for another process to let go of the file
	dirMode     = 0o700
	fileMode    = 0o600
)

var bucketName = []byte("data")

// table is the file of one table.
type table struct {
	path string

	opening sync.Once
	failed  error // of the opening
	db      *bolt.DB
	writes  *writer

	// expiring is whether a record may be there that expires.
	expiring atomic.Bool
}

func newTable(path string) *table { return &table{path: path} }

// open opens the file. All callers get the result of the first.
func (t *table) open() error {
	t.opening.Do(func() { t.failed = t.openFile() })
	return t.failed
}

func (t *table) openFile() error {
	if err := os.MkdirAll(filepath.Dir(t.path), dirMode); err != nil {
		return fmt.Errorf("opening a table: %w", err)
	}
	db, err := bolt.Open(t.path, fileMode, &bolt.Options{Timeout: openTimeout, NoStatistics: true})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return fmt.Errorf("opening %s: %w: another store, or another process, has it open", t.path, err)
	} else if err != nil {
		return fmt.Errorf("opening %s: %w", t.path, err)
	}
	t.db, t.writes = db, newWriter(db)
	t.expiring.Store(true) // nobody knows yet
	return nil
}

func (t *table) close() error {
	t.opening.Do(func() { t.failed = errors.New("the store is closed") })
	if t.db == nil {
		return nil
	}
	return t.db.Close()
}

func (t *table) put(key string, value []byte, expires bool) error {
	if expires {
		t.expiring.Store(true)
	}
	return t.named("writing", key, t.writes.apply(change{key: []byte(key), value: value}))
}

func (t *table) delete(key string) error {
	return t.named("deleting", key, t.writes.apply(change{key: []byte(key)}))
}

// named says in an error what was done, and where.
func (t *table) named(doing, key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %.80q in %s: %w", doing, key, t.path, err)
}

func (t *table) read(key string, now time.Time) ([]*store.Record, error) {
	s, err := t.get(key)
	if err != nil {
		return nil, err
	}
	record, live := s.record(key, now)
	if !live {
		return nil, store.ErrNotFound
	}
	return []*store.Record{record}, nil
}

func (t *table) get(key string) (stored, error) {
	tx, err := t.db.Begin(false)
	if err != nil {
		return stored{}, t.named("reading", key, err)
	}
	defer func() { _ = tx.Rollback() }() // which cannot fail for a reader
	b := tx.Bucket(bucketName)
	if b == nil {
		return stored{}, store.ErrNotFound
	}
	data := b.Get([]byte(key))
	if data == nil {
		return stored{}, store.ErrNotFound
	}
	s, err := decode(data, true)
	return s, t.named("reading", key, err)
}

// scan calls visit for the live records that q selects, in order of their keys.
// Those who want no values may get none.
func (t *table) scan(q query.Query, wantValues bool, now time.Time, visit func(*store.Record)) error {
	prefix := []byte(q.Prefix)
	return t.view(func(b *bolt.Bucket) error {
		counter, c := q.Counter(), b.Cursor()
		for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix) && !counter.Done(); k, v = c.Next() {
			key := string(k)
			if !q.Match(key) {
				continue
			}
			s, err := decode(v, wantValues)
			if err != nil {
				return t.named("reading", key, err)
			}
			if r, live := s.record(key, now); live && counter.Take() {
				visit(r)
			}
		}
		return nil
	})
}

// view reads the records; nothing that it sees may be kept. A table to which
// nothing was ever written has none.
func (t *table) view(read func(*bolt.Bucket) error) error {
	return t.db.View(func(tx *bolt.Tx) error {
		if b := tx.Bucket(bucketName); b != nil {
			return read(b)
		}
		return nil
	})
}
