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
	failed atomic.Int32 // len(nodes), for reading without the lock

	mu    sync.Mutex
	nodes map[string]failure // by node id
}

type failure struct {
	pause time.Duration
	until time.Time
}

// fail sets a node aside. Failures of requests that were under way when the
// node was set aside count once.
func (h *health) fail(id string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.nodes[id]
	if now.Before(f.until) {
		return
	}
	f.pause = min(max(2*f.pause, firstPause), longestPause)
	f.until = now.Add(f.pause)
	if h.nodes == nil {
		h.nodes = map[string]failure{}
	}
	h.nodes[id] = f
	h.failed.Store(int32(len(h.nodes)))
}

// clear forgets what is known about a node.
func (h *health) clear(id string) {
	if h.failed.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.nodes, id)
	h.failed.Store(int32(len(h.nodes)))
}

// retain forgets the nodes that are not among those given.
func (h *health) retain(nodes map[string]bool) {
	if h.failed.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.nodes {
		if !nodes[id] {
			delete(h.nodes, id)
		}
	}
	h.failed.Store(int32(len(h.nodes)))
}

// reset forgets everything.
func (h *health) reset() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nodes = nil
	h.failed.Store(0)
}

// aside reports whether the node is set aside.
func (h *health) aside(id string) bool {
	if h.failed.Load() == 0 {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Before(h.nodes[id].until)
}

// healthy returns the nodes that are not set aside: the slice it was given
// when that is all of them.
func (h *health) healthy(nodes []*registry.Node) []*registry.Node {
	if h.failed.Load() == 0 {
		return nodes
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	waiting := 0
	for _, f := range h.nodes {
		if now.Before(f.until) {
			waiting++
		}
	}
	if waiting == 0 {
		return nodes
	}
	left := make([]*registry.Node, 0, len(nodes))
	for _, n := range nodes {
		if !now.Before(h.nodes[n.Id].until) {
			left = append(left, n)
		}
	}
	return left
}
