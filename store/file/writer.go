package file

import (
	"errors"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// change is one write on its way to the disk.
type change struct {
	key   []byte
	value []byte // nil: delete the key
	// unless keeps a key from being deleted; nil for none.
	unless func(value []byte) bool
}

// request is what one caller wants on the disk.
type request struct {
	changes []change
	done    chan error
}

// writer brings changes to the disk. The first caller commits; those that come
// meanwhile wait, and the next of them commits for all.
type writer struct {
	db   *bolt.DB
	turn chan struct{} // full while somebody commits

	mu      sync.Mutex
	waiting []*request
}

func newWriter(db *bolt.DB) *writer {
	return &writer{db: db, turn: make(chan struct{}, 1)}
}

// apply returns when the changes are on the disk.
func (w *writer) apply(changes ...change) error {
	r := &request{changes, make(chan error, 1)}
	w.mu.Lock()
	w.waiting = append(w.waiting, r)
	w.mu.Unlock()
	select {
	case err := <-r.done:
		return err
	case w.turn <- struct{}{}:
	}
	w.commit()
	return <-r.done
}

// commit writes what is waiting. The caller has the turn, and loses it.
func (w *writer) commit() {
	w.mu.Lock()
	requests := w.waiting
	w.waiting = nil
	w.mu.Unlock()

	err := errors.New("writing to the file panicked: is it damaged?")
	defer func() {
		<-w.turn
		for _, r := range requests {
			r.done <- err
		}
	}()
	if len(requests) > 0 {
		err = w.db.Update(func(tx *bolt.Tx) error { return write(tx, requests) })
	}
}

func write(tx *bolt.Tx, requests []*request) error {
	b, err := tx.CreateBucketIfNotExists(bucketName)
	if err != nil {
		return err
	}
	for _, r := range requests {
		for _, c := range r.changes {
			if err := c.write(b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c change) write(b *bolt.Bucket) error {
	if c.value != nil {
		return b.Put(c.key, c.value)
	}
	if c.unless != nil && c.unless(b.Get(c.key)) {
		return nil
	}
	return b.Delete(c.key)
}
