// Package expiring is a map whose entries may have an end.
package expiring

import (
	"container/heap"
	"hash/maphash"
)

const (
	// manyEntries is when a map is spread over several, so that each can be made
	// anew in a short time: a thousand entries of a million. Entries that end
	// together leave all parts at about the same rate, so some are made anew in a row.
	manyEntries = 4096
	spread      = 1024
	// smallest is how large a part, or the heap, is that is worth making anew.
	smallest = 16
)

// Map holds values by key, and knows which end first. Nothing ends by itself:
// what is over is there until it is removed. The memory of removed entries is
// given back, a little at a time. It is not safe for concurrent use, but for
// several readers.
type Map struct {
	seed   maphash.Seed
	parts  []part
	length int
	ending endHeap
}

// part holds some of the entries.
type part struct {
	entries map[string]*entry
	peak    int // the most there were since it was made
}

type entry struct {
	key   string
	value any
	end   int64 // 0: never
	place int   // in the heap, -1 when it has no end
}

// New returns an empty map.
func New() *Map {
	return &Map{seed: maphash.MakeSeed(), parts: make([]part, 1)}
}

// Len returns how many entries there are.
func (m *Map) Len() int { return m.length }

// Get returns the value of a key, nil when there is none.
func (m *Map) Get(key string) any {
	if e := m.part(key).entries[key]; e != nil {
		return e.value
	}
	return nil
}

// Set puts a value, in place of the key's last one. It ends at a time of the
// caller's clock, or never, which is 0.
func (m *Map) Set(key string, v any, end int64) {
	p := m.part(key)
	e := p.entries[key]
	if e == nil {
		e = &entry{key: key, place: -1}
		p.add(e)
		if m.length++; m.length > manyEntries && len(m.parts) == 1 {
			m.respread()
		}
	}
	e.value, e.end = v, end
	switch {
	case end == 0 && e.place >= 0:
		heap.Remove(&m.ending, e.place)
	case end != 0 && e.place >= 0:
		heap.Fix(&m.ending, e.place)
	case end != 0:
		heap.Push(&m.ending, e)
	}
}

// Delete removes a key, and reports whether it was there.
func (m *Map) Delete(key string) bool {
	e := m.part(key).entries[key]
	if e == nil {
		return false
	}
	if e.place >= 0 {
		heap.Remove(&m.ending, e.place)
	}
	m.remove(e)
	return true
}

// First returns the end of the entry that ends first, if any has an end.
func (m *Map) First() (end int64, ok bool) {
	if len(m.ending) == 0 {
		return 0, false
	}
	return m.ending[0].end, true
}

// RemoveEnded removes at most n entries whose end is at or before now, those that
// ended first, and calls removed for each. It reports whether there are more.
func (m *Map) RemoveEnded(now int64, n int, removed func(key string, v any)) (more bool) {
	for range n {
		if end, ok := m.First(); !ok || end > now {
			return false
		}
		e := heap.Pop(&m.ending).(*entry)
		m.remove(e)
		if removed != nil {
			removed(e.key, e.value)
		}
	}
	end, ok := m.First()
	return ok && end <= now
}

// part returns where a key is, or would be.
func (m *Map) part(key string) *part {
	if len(m.parts) == 1 {
		return &m.parts[0]
	}
	return &m.parts[maphash.String(m.seed, key)%uint64(len(m.parts))]
}

// remove takes an entry out that is not in the heap any more.
func (m *Map) remove(e *entry) {
	if m.length--; m.length == 0 {
		m.parts = make([]part, 1)
		return
	}
	m.part(e.key).remove(e.key)
}

// respread moves the entries of one part to several.
func (m *Map) respread() {
	all := m.parts[0].entries
	m.parts = make([]part, spread)
	for key, e := range all {
		m.part(key).add(e)
	}
}

func (p *part) add(e *entry) {
	if p.entries == nil {
		p.entries = map[string]*entry{}
	}
	p.entries[e.key] = e
	p.peak = max(p.peak, len(p.entries))
}

// remove removes a key. A map keeps the memory of what it held, and is made anew
// when it holds far less.
func (p *part) remove(key string) {
	delete(p.entries, key)
	if len(p.entries) == 0 {
		*p = part{}
		return
	}
	if p.peak < smallest || len(p.entries) > p.peak/4 {
		return
	}
	anew := make(map[string]*entry, len(p.entries))
	for key, e := range p.entries {
		anew[key] = e
	}
	p.entries, p.peak = anew, len(anew)
}

// endHeap has the entry that ends first in front.
type endHeap []*entry

func (h endHeap) Len() int           { return len(h) }
func (h endHeap) Less(i, j int) bool { return h[i].end < h[j].end }

func (h endHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *endHeap) Push(x any) {
	e := x.(*entry)
	e.place = len(*h)
	*h = append(*h, e)
}

func (h *endHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	e.place = -1
	if cap(*h) > smallest && last < cap(*h)/64 { // so that there is little to copy
		*h = append(make(endHeap, 0, cap(*h)/32), *h...)
	}
	return e
}
