package events

import "slices"

// history keeps the latest events by topic, in publish order. The events are
// shared and never changed.
type history struct {
	perTopic, total int
	topics          map[string]*topicHistory

	count int       // entries of all topics
	order []placeIn // entries in publish order, with some that are gone
}

type placeIn struct {
	topic *topicHistory
	seq   uint64
}

// topicHistory is what is kept of one topic: entries first to next-1, and the
// groups that consume it.
type topicHistory struct {
	name    string
	first   uint64
	entries []*Event
	groups  map[string]*group
}

// topic returns a topic's history, which it makes when needed.
func (h *history) topic(name string) *topicHistory {
	t := h.topics[name]
	if t == nil {
		t = &topicHistory{name: name, groups: map[string]*group{}}
		h.topics[name] = t
	}
	return t
}

// add appends an event and returns its place, and the events that had to go for
// it.
func (h *history) add(e *Event) (t *topicHistory, seq uint64, evicted []*Event) {
	t = h.topic(e.Topic)
	seq = t.next()
	t.entries = append(t.entries, e)
	h.order = append(h.order, placeIn{t, seq})
	h.count++
	if len(t.entries) > h.perTopic {
		evicted = append(evicted, h.evict(t))
	}
	for h.count > h.total {
		oldest := h.order[0]
		h.order = h.order[1:]
		if oldest.seq >= oldest.topic.first {
			evicted = append(evicted, h.evict(oldest.topic))
			h.release(oldest.topic)
		}
	}
	if len(h.order) > 2*h.total {
		h.order = slices.DeleteFunc(h.order, func(p placeIn) bool { return p.seq < p.topic.first })
	}
	return t, seq, evicted
}

// evict forgets a topic's oldest event.
func (h *history) evict(t *topicHistory) *Event {
	oldest := t.entries[0]
	t.entries[0] = nil
	t.entries = t.entries[1:]
	t.first++
	h.count--
	return oldest
}

// release forgets a topic without entries and groups.
func (h *history) release(t *topicHistory) {
	if len(t.entries) == 0 && len(t.groups) == 0 {
		delete(h.topics, t.name)
	}
}

// next is the place of the next event.
func (t *topicHistory) next() uint64 { return t.first + uint64(len(t.entries)) }

// from returns at most n events from a place on, the place of the first, and
// how many before it are gone.
func (t *topicHistory) from(place uint64, n int) (found []*Event, first uint64, gone int) {
	if place < t.first {
		gone = int(t.first - place)
		place = t.first
	}
	rest := t.entries[min(place-t.first, uint64(len(t.entries))):]
	return rest[:min(n, len(rest))], place, gone
}
