package server

import "sync"

// waitGroup counts work in a wait group of its own and, beside it, in one that
// belongs to somebody else.
type waitGroup struct {
	own   sync.WaitGroup
	other *sync.WaitGroup
}

// NewWaitGroup returns a group that counts in wg, which may be nil, as well as
// for itself. Its Wait waits only for what was added through it.
func NewWaitGroup(wg *sync.WaitGroup) *waitGroup {
	return &waitGroup{other: wg}
}

// Add adds n to both groups.
func (w *waitGroup) Add(n int) {
	w.own.Add(n)
	if w.other != nil {
		w.other.Add(n)
	}
}

// Done takes one from both groups.
func (w *waitGroup) Done() {
	w.own.Done()
	if w.other != nil {
		w.other.Done()
	}
}

// Wait waits until everything added through this group is done.
func (w *waitGroup) Wait() { w.own.Wait() }
