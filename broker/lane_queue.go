package broker

import (
	"container/heap"
	"slices"
)

// append adds an item, which waits.
func (l *lane) append(item laneItem) {
	l.items = append(l.items, item)
	l.hold(item)
	l.moved()
}

// trim drops the oldest messages that are too many and not being delivered.
func (l *lane) trim() (out []dropped) {
	for len(l.items)-l.inflight > laneSize {
		out = append(out, dropped{l.remove(l.inflight), l.key, errLaneFull})
	}
	return out
}

// remove takes item i out of the lane.
func (l *lane) remove(i int) laneItem {
	item := l.items[i]
	if i < l.inflight {
		l.inflight--
	} else {
		l.release(item)
		l.moved()
	}
	if i == 0 {
		l.items[0] = laneItem{}
		l.items = l.items[1:]
	} else {
		l.items = slices.Delete(l.items, i, i+1)
	}
	if item.fan != nil {
		item.fan.left--
	}
	return item
}

func (l *lane) takeAll() []laneItem {
	items := l.items
	for _, item := range items[l.inflight:] {
		l.release(item)
	}
	l.items, l.inflight = nil, 0
	l.moved()
	return items
}

// setInFlight says how many of the first messages are being delivered. They do
// not count among those that wait.
func (l *lane) setInFlight(n int) {
	for _, item := range l.items[min(n, l.inflight):l.inflight] {
		l.hold(item)
	}
	for _, item := range l.items[l.inflight:max(n, l.inflight)] {
		l.release(item)
	}
	l.inflight = n
	l.moved()
}

// hold counts the bytes of an item that waits from now on.
func (l *lane) hold(item laneItem) {
	l.waiting += len(item.body)
	if item.outgoing.waiting++; item.outgoing.waiting == 1 {
		l.outbox.waiting += len(item.body)
	}
}

// release counts the bytes of an item that waits no more.
func (l *lane) release(item laneItem) {
	l.waiting -= len(item.body)
	if item.outgoing.waiting--; item.outgoing.waiting == 0 {
		l.outbox.waiting -= len(item.body)
	}
}

// moved puts the lane in its place among the fullest.
func (l *lane) moved() {
	if l.place >= 0 {
		heap.Fix(&l.outbox.fullest, l.place)
	}
}

// laneHeap has the lane with the most bytes waiting first.
type laneHeap []*lane

func (h laneHeap) Len() int           { return len(h) }
func (h laneHeap) Less(i, j int) bool { return h[i].waiting > h[j].waiting }

func (h laneHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *laneHeap) Push(x any) {
	l := x.(*lane)
	l.place = len(*h)
	*h = append(*h, l)
}

func (h *laneHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	l.place = -1
	return l
}

// first returns the fullest lane, if there is one where anything waits.
func (h laneHeap) first() *lane {
	if len(h) == 0 || h[0].waiting == 0 {
		return nil
	}
	return h[0]
}
