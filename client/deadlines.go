package client

import (
	"sync"
	"time"
)

// maxWait is how far ahead the timer of deadlines is set, so that it does not
// keep a client in memory for as long as its calls might have taken.
const maxWait = time.Minute

// deadlineShards is how many deadlines a client has, so that attempts that run
// in parallel seldom wait for each other.
const deadlineShards = 8

// deadlines fires guards whose time is up. The attempts of a client share a few
// timers: nearly all end long before their time, and a timer for each of them
// took 300 ns and 112 bytes, where a place in this queue takes 50 ns.
type deadlines struct {
	mu    sync.Mutex
	heap  []*guard    // ordered by limit as in container/heap, each at its place
	timer *time.Timer // made for the first guard
	next  time.Time   // when timer fires; zero when it does not
}

// add fires g at limit. Now is the time.
func (d *deadlines) add(g *guard, limit, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	g.limit = limit
	d.heap = append(d.heap, g)
	d.rise(len(d.heap) - 1)
	d.wind(now)
}

// remove takes g out. It is false when g is being fired.
func (d *deadlines) remove(g *guard) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if g.place < 0 {
		return false
	}
	d.drop(g.place)
	return true
}

// fire fires what is due. Each guard closes a connection, and none waits for
// another one's.
func (d *deadlines) fire() {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.heap) > 0 && !d.heap[0].limit.After(now) {
		go d.heap[0].expire()
		d.drop(0)
	}
	d.next = time.Time{}
	d.wind(now)
}

// wind sets the timer unless it fires in time. The lock is held.
func (d *deadlines) wind(now time.Time) {
	if len(d.heap) == 0 {
		return
	}
	at := earlier(d.heap[0].limit, now.Add(maxWait))
	if !d.next.IsZero() && !at.Before(d.next) {
		return
	}
	d.next = at
	if d.timer == nil {
		d.timer = time.AfterFunc(at.Sub(now), d.fire)
		return
	}
	d.timer.Reset(at.Sub(now))
}

// drop takes the guard at place i out of the heap. The lock is held.
func (d *deadlines) drop(i int) {
	d.heap[i].place = -1
	last := len(d.heap) - 1
	g := d.heap[last]
	d.heap[last] = nil
	d.heap = d.heap[:last]
	if i < last {
		d.heap[i] = g
		d.rise(d.sink(i))
	}
}

// rise moves the guard at place i to the front as far as it belongs.
func (d *deadlines) rise(i int) {
	g := d.heap[i]
	for i > 0 {
		above := (i - 1) / 2
		if !g.limit.Before(d.heap[above].limit) {
			break
		}
		d.put(i, d.heap[above])
		i = above
	}
	d.put(i, g)
}

// sink moves the guard at place i to the back as far as it belongs, and returns
// its place.
func (d *deadlines) sink(i int) int {
	g := d.heap[i]
	for {
		below := 2*i + 1
		if below >= len(d.heap) {
			break
		}
		if right := below + 1; right < len(d.heap) && d.heap[right].limit.Before(d.heap[below].limit) {
			below = right
		}
		if !d.heap[below].limit.Before(g.limit) {
			break
		}
		d.put(i, d.heap[below])
		i = below
	}
	d.put(i, g)
	return i
}

func (d *deadlines) put(i int, g *guard) { d.heap[i], g.place = g, i }
