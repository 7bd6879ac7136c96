package config

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/justcy/go-micro/v4/config/loader"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/logger"
)

// retryPause is how long a loader that cannot be watched is left alone.
const retryPause = time.Second

// engine is the machinery behind one set of options. Init replaces it.
type engine struct {
	opts   Options
	custom bool            // the loader is one of the user's
	ctx    context.Context // done when the engine is closed
	cancel context.CancelFunc
	ended  chan struct{} // closed when the goroutine that follows has ended

	// Guarded by the mutex of the configuration.
	version   string // of the snapshot in effect
	following bool   // there is a goroutine, and only one ever
}

func newEngine(opts ...Option) *engine {
	e := &engine{ended: make(chan struct{})}
	e.opts, e.custom = defaults(opts)
	e.ctx, e.cancel = context.WithCancel(context.Background())
	return e
}

// hasSources reports whether there may be anything to load.
func (e *engine) hasSources() bool { return e.custom || len(e.opts.Source) > 0 }

// open loads the sources of the options.
func (e *engine) open() (*loader.Snapshot, reader.Values, error) {
	if err := e.opts.Loader.Load(e.opts.Source...); err != nil {
		return nil, nil, err
	}
	snapshot, err := e.opts.Loader.Snapshot()
	if err != nil {
		return nil, nil, err
	}
	values, err := e.opts.Reader.Values(snapshot.ChangeSet)
	return snapshot, values, err
}

// watchable returns why the loader cannot be watched, if it cannot.
func (e *engine) watchable() error {
	if e.opts.WithWatcherDisabled {
		return loader.ErrWatcherDisabled
	}
	w, err := e.opts.Loader.Watch()
	if err != nil {
		return err
	}
	return w.Stop()
}

// follow passes the loader's snapshots to adopt until the engine is closed.
func (e *engine) follow(adopt func(*loader.Snapshot) error) {
	defer close(e.ended)
	trouble := ""
	for {
		err := e.watch(adopt)
		if e.ctx.Err() != nil || errors.Is(err, loader.ErrWatcherDisabled) {
			return
		}
		if text := fmt.Sprint(err); text != trouble {
			logger.Warnf("config: following loader %s: %v", e.opts.Loader, err)
			trouble = text
		}
		select {
		case <-e.ctx.Done():
			return
		case <-time.After(retryPause):
		}
	}
}

// watch follows the loader until that fails. It begins with what changed since
// the snapshot in effect was taken.
func (e *engine) watch(adopt func(*loader.Snapshot) error) error {
	w, err := e.opts.Loader.Watch()
	if err != nil {
		return err
	}
	defer func() { _ = w.Stop() }()
	defer context.AfterFunc(e.ctx, func() { _ = w.Stop() })()

	snapshot, err := e.opts.Loader.Snapshot()
	for err == nil {
		if bad := adopt(snapshot); bad != nil {
			logger.Warnf("config: the values in effect stay, the new ones cannot be read: %v", bad)
		}
		snapshot, err = w.Next()
	}
	return err
}

// close ends the goroutine that follows, if there is one, and closes the loader
// if nobody uses it any more. It may be called again.
func (e *engine) close(andLoader bool) error {
	e.cancel()
	var err error
	if andLoader {
		err = e.opts.Loader.Close()
	}
	if e.following {
		<-e.ended
	}
	return err
}
