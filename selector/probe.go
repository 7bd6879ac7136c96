package selector

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	// probeTimeout is how long a node has for a sign of life.
	probeTimeout = 3 * time.Second
	// probeInterval is how often a node that is there, but slow, is asked.
	probeInterval = time.Second
)

// Silent wraps an error for Mark, to say that an attempt ended with its
// deadline and nothing had come back by then. Its text stays the same.
//
// By itself that says little: the node may be frozen, or busy with this one
// request. So the selector asks the node by calling probe, which returns nil as
// soon as anything at all comes back, and ends with its context. A node that
// does not answer stays set aside and is asked again from time to time, in the
// background: no call is spent on finding out.
//
// Mark takes any error for that whose chain has a method
// Probe(context.Context) error.
func Silent(err error, probe func(context.Context) error) error {
	return &silentError{error: err, probe: probe}
}

type silentError struct {
	error
	probe func(context.Context) error
}

func (e *silentError) Unwrap() error { return e.error }

func (e *silentError) Probe(ctx context.Context) error { return e.probe(ctx) }

// prober is what asks a node for a sign of life.
type prober interface {
	error
	Probe(context.Context) error
}

// proberOf returns the way to ask the node that err is about, nil when err does
// not say that the node was silent.
func proberOf(err error) prober {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	p, _ := errors.AsType[prober](err)
	return p
}

// background runs the probes of one generation of a selector.
type background struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func newBackground() *background {
	b := &background{}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// probe runs p in the background and tells answered how it went. It does
// nothing, and reports false, after close.
func (b *background) probe(p prober, answered func(error)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.running.Go(func() {
		ctx, cancel := context.WithTimeout(b.ctx, probeTimeout)
		defer cancel()
		answered(p.Probe(ctx))
	})
	return true
}

// close ends the probes and waits for them.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cancel()
	b.running.Wait()
}
