package file

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

var errShutDown = errors.New("the file service was shut down")

// session is a file that was opened.
type session struct {
	file  *os.File
	name  string
	timer *time.Timer // ends the session; set once the file is open

	busy int       // calls that use the file now; guarded by sessions.mu
	last time.Time // end of the last call; guarded by sessions.mu
}

// sessions are the open ones of a handler, by id.
type sessions struct {
	limit int
	idle  time.Duration

	mu     sync.Mutex
	byID   map[int64]*session // nil once closed
	opened int                // the ones in byID and the ones being opened
}

// reserve counts a session that is about to be opened, so that nothing is opened
// or emptied for one too many.
func (t *sessions) reserve() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		return errShutDown
	}
	if t.opened >= t.limit {
		return fmt.Errorf("%d files are open, which is the limit; try again when some were closed", t.opened)
	}
	t.opened++
	return nil
}

// release takes reserve back.
func (t *sessions) release() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.opened--
}

// add makes a session of a file for which there is a reservation. It takes the
// file unless it fails.
func (t *sessions) add(f *os.File, name string) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		return 0, errShutDown
	}
	id := newID()
	for t.byID[id] != nil {
		id = newID()
	}
	s := &session{file: f, name: name, last: time.Now()}
	s.timer = time.AfterFunc(t.idle, func() { t.expire(id, s) })
	t.byID[id] = s
	return id, nil
}

// newID returns a positive number that nobody can guess.
func newID() int64 {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:]) // never fails
		if id := int64(binary.BigEndian.Uint64(b[:]) >> 1); id != 0 {
			return id
		}
	}
}

// use returns a session for a call, which ends with done. It is nil when there
// is none.
func (t *sessions) use(id int64) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.byID[id]
	if s != nil {
		s.busy++
	}
	return s
}

func (t *sessions) done(s *session) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s.busy--
	s.last = time.Now()
}

// expire ends a session when it was idle for long enough, and else looks again
// later.
func (t *sessions) expire(id int64, s *session) {
	t.mu.Lock()
	if t.byID[id] != s {
		t.mu.Unlock()
		return
	}
	rest := t.idle - time.Since(s.last)
	if s.busy > 0 {
		rest = t.idle
	}
	if rest > 0 {
		s.timer.Reset(rest)
		t.mu.Unlock()
		return
	}
	t.remove(id)
	t.mu.Unlock()
	_ = s.file.Close() // nobody is there to be told
}

// remove takes a session out. t.mu is held.
func (t *sessions) remove(id int64) {
	delete(t.byID, id)
	t.opened--
}

// end ends a session, if there is one. Calls that use it finish.
func (t *sessions) end(id int64) (*session, error) {
	t.mu.Lock()
	s := t.byID[id]
	if s == nil {
		t.mu.Unlock()
		return nil, nil
	}
	t.remove(id)
	s.timer.Stop()
	t.mu.Unlock()
	return s, s.file.Close()
}

// shutdown ends all sessions for good.
func (t *sessions) shutdown() error {
	t.mu.Lock()
	all := t.byID
	t.byID = nil
	t.opened -= len(all)
	for _, s := range all {
		s.timer.Stop()
	}
	t.mu.Unlock()
	var errs []error
	for _, s := range all {
		errs = append(errs, s.file.Close())
	}
	return errors.Join(errs...)
}
