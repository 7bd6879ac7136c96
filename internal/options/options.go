// Package options holds the options of things that can be initialised again
// while they are in use.
package options

import (
	"sync"
	"sync/atomic"
)

// Current is the options in force. Reading them takes no lock, and none that a
// reader could want is held while options are applied. The zero Current holds
// the zero options.
type Current[O any] struct {
	changing sync.Mutex // serialises Change, so that no change is lost
	value    atomic.Pointer[O]
}

// New returns a Current that holds o.
func New[O any](o O) *Current[O] {
	c := new(Current[O])
	c.value.Store(&o)
	return c
}

// Get returns a copy of the options.
func (c *Current[O]) Get() O {
	if o := c.value.Load(); o != nil {
		return *o
	}
	var zero O
	return zero
}

// Change lets change work on a copy of the options and puts it in force, unless
// change fails. It must not call Change itself.
func (c *Current[O]) Change(change func(*O) error) error {
	c.changing.Lock()
	defer c.changing.Unlock()
	o := c.Get()
	if err := change(&o); err != nil {
		return err
	}
	c.value.Store(&o)
	return nil
}

// Apply applies functions that cannot fail, in order. Nil ones are skipped.
func Apply[O any, F ~func(*O)](c *Current[O], opts []F) {
	_ = c.Change(func(o *O) error { // fails never
		To(o, opts)
		return nil
	})
}

// To applies functions to o, in order. Nil ones are skipped: an option that is
// made under a condition is nil when it does not hold.
func To[O any, F ~func(*O)](o *O, opts []F) {
	for _, opt := range opts {
		if opt != nil {
			opt(o)
		}
	}
}

// Of returns the zero options changed by opts. Nil ones are skipped.
func Of[O any, F ~func(*O)](opts []F) O {
	var zero O
	return With(zero, opts)
}

// With returns o changed by opts. Nil ones are skipped.
func With[O any, F ~func(*O)](o O, opts []F) O {
	if len(opts) == 0 {
		return o // which then need not be moved to the heap
	}
	return changed(o, opts)
}

func changed[O any, F ~func(*O)](o O, opts []F) O {
	To(&o, opts)
	return o
}
