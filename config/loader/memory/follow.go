package memory

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	// retryPause is how long a watch that failed is left alone.
	retryPause = time.Second
	// steady is how long a watch lasts that worked: when it ends, that is news
	// even if one before it ended in the same way.
	steady = time.Minute
)

// followAll starts to watch sources, unless the loader was closed or does not
// watch.
func (m *memory) followAll(entries []*entry) {
	if m.opts.WithWatcherDisabled {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return
	}
	for _, e := range entries {
		m.following.Go(func() { (&follower{memory: m, entry: e}).run() })
	}
}

// follower watches one source in a goroutine of its own.
type follower struct {
	*memory
	entry *entry

	// What was logged last about the watch, and about what it told.
	watching, told string
}

func (f *follower) run() {
	for f.ctx.Err() == nil {
		began := time.Now()
		err := f.watch()
		if time.Since(began) >= steady {
			f.watching = ""
		}
		f.report(&f.watching, err)
		select {
		case <-f.ctx.Done():
		case <-time.After(retryPause):
		}
	}
}

// watch adopts changes until the watch of the source fails.
func (f *follower) watch() error {
	w, err := f.entry.src.Watch()
	if err != nil {
		return err
	}
	stop := sync.OnceFunc(func() { _ = w.Stop() }) // v4 sources may panic when stopped twice
	defer stop()
	defer context.AfterFunc(f.ctx, stop)()

	f.catchUp()
	for {
		set, err := w.Next()
		if f.ctx.Err() != nil {
			return nil
		}
		if err == nil && set == nil {
			err = errors.New("the watcher returned no configuration")
		}
		if err != nil {
			return err
		}
		f.report(&f.told, f.propose(proposal{entry: f.entry, set: set, told: true}))
	}
}

// catchUp reads the source again for what changed between reading it first and
// watching it. A source that was not read yet will be.
func (f *follower) catchUp() {
	f.mu.Lock()
	tried, seen := f.entry.tried, f.entry.changes
	f.mu.Unlock()
	if !tried {
		return
	}
	set, err := f.entry.src.Read()
	if err == nil {
		err = f.propose(proposal{entry: f.entry, set: set, seen: seen})
	}
	f.report(&f.told, err)
}

// propose adopts a set unless the source held the same before. Whether anything
// has changed is decided here alone: watchers of sources may tell what is known.
func (f *follower) propose(p proposal) error {
	f.mu.Lock()
	same := sameContent(f.entry.set, p.set)
	f.mu.Unlock()
	if same {
		return nil
	}
	_, rejected := f.adopt([]proposal{p})
	return errors.Join(rejected...)
}

func sameContent(a, b *source.ChangeSet) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Format == b.Format && string(a.Data) == string(b.Data)
}

// report logs what is wrong with the source, once until it changes: last is what
// was logged before.
func (f *follower) report(last *string, err error) {
	text := ""
	if err != nil && f.ctx.Err() == nil {
		text = err.Error()
	}
	if text != "" && text != *last {
		logger.Warnf("config: following source %s, its last good state stays in effect: %v", f.entry.src, err)
	}
	*last = text
}
