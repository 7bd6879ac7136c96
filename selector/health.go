package selector

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/registry"
)

// A node that cannot be reached is set aside for firstPause, then for twice as
// long each time it fails again, up to longestPause.
const (
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// health knows which nodes of one service failed lately. It holds the failed
// ones alone, so that a service in good health costs one atomic read.
type health struct {
	background *background
	failed     atomic.Int32  // len(nodes), for reading without the lock
	version    atomic.Uint64 // counts the changes of nodes, and the pauses that ended

	mu    sync.RWMutex
	nodes map[string]failure   // by node id
	asked map[string]time.Time // when a silent node was asked last, by node id
}

type failure struct {
	pause   time.Duration
	until   time.Time
	prober  prober // of a silent node, which stays aside until it answers
	probing bool
}

// aside reports whether the node gets nothing.
func (f failure) aside(now time.Time) bool {
	return f.prober != nil || now.Before(f.until)
}

// fail sets a node aside. Failures of requests that were under way when the
// node was set aside count once.
func (h *health) fail(id string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.nodes[id]; !f.aside(now) {
		h.pause(id, f, now)
	}
}

// pause sets a node aside for twice as long as last time. A timer tells of the end,
// so that no pick needs to look at the clock; it outlives the selector by a pause at
// most. The lock is held.
func (h *health) pause(id string, f failure, now time.Time) {
	f.pause = min(max(2*f.pause, firstPause), longestPause)
	f.until = now.Add(f.pause)
	h.set(id, f)
	time.AfterFunc(f.pause, func() { h.version.Add(1) })
}

// suspect sets a silent node aside and asks it for a sign of life, unless that
// was done a moment ago.
func (h *health) suspect(id string, p prober, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.nodes[id]
	if f.aside(now) || now.Sub(h.asked[id]) < probeInterval {
		return
	}
	f.prober = p
	h.ask(id, f, now)
}

// ask begins to ask a node. The lock is held.
func (h *health) ask(id string, f failure, now time.Time) {
	f.probing = h.background.probe(f.prober, func(err error) { h.answered(id, err) })
	if !f.probing {
		h.drop(id) // nobody is left who could find out
		return
	}
	if h.asked == nil {
		h.asked = map[string]time.Time{}
	}
	h.asked[id] = now
	h.set(id, f)
}

// answered takes the outcome of a probe in.
func (h *health) answered(id string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f, ok := h.nodes[id]
	switch {
	case !ok || f.prober == nil: // cleared in the meantime
	case err == nil:
		h.drop(id)
	default:
		f.probing = false
		h.pause(id, f, time.Now())
	}
}

// set keeps what is known about a node. The lock is held.
func (h *health) set(id string, f failure) {
	if h.nodes == nil {
		h.nodes = map[string]failure{}
	}
	h.nodes[id] = f
	h.changed()
}

// drop forgets what is known about a node. The lock is held.
func (h *health) drop(id string) {
	delete(h.nodes, id)
	h.changed()
}

// changed notes that nodes has changed. The lock is held.
func (h *health) changed() {
	h.failed.Store(int32(len(h.nodes)))
	h.version.Add(1)
}

// clear forgets what is known about a node.
func (h *health) clear(id string) {
	if h.failed.Load() == 0 || !h.knows(id) {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(id)
}

func (h *health) knows(id string) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	_, ok := h.nodes[id]
	return ok
}

// retain forgets the nodes that are not there any more.
func (h *health) retain(there func(id string) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.nodes {
		if !there(id) {
			h.drop(id)
		}
	}
	for id := range h.asked {
		if !there(id) {
			delete(h.asked, id)
		}
	}
}

// reset forgets everything.
func (h *health) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nodes, h.asked = nil, nil
	h.changed()
}

// aside reports whether the node is set aside.
func (h *health) aside(id string) bool {
	if h.failed.Load() == 0 {
		return false
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.nodes[id].aside(time.Now())
}

// filter returns a function that drops the nodes which are set aside, as long as
// the version is the same. Silent nodes whose pause is over are asked again.
func (h *health) filter(now time.Time) (healthy func([]*registry.Node) []*registry.Node) {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]bool{}
	for id, f := range h.nodes {
		if f.prober != nil && !f.probing && !now.Before(f.until) {
			h.ask(id, f, now)
			f = h.nodes[id]
		}
		if f.aside(now) {
			out[id] = true
		}
	}
	return func(nodes []*registry.Node) []*registry.Node { return without(nodes, out) }
}

// without returns the nodes that are not out: the slice it was given when that is
// all of them.
func without(nodes []*registry.Node, out map[string]bool) []*registry.Node {
	if len(out) == 0 {
		return nodes
	}
	left := make([]*registry.Node, 0, len(nodes))
	for _, n := range nodes {
		if !out[n.Id] {
			left = append(left, n)
		}
	}
	return left
}
