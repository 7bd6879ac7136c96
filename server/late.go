package server

import "slices"

// maxLate is how many finished streams a socket remembers.
const maxLate = 1024

// lateStreams remembers the ids of the last maxLate streams added.
type lateStreams struct {
	ids   map[string]struct{}
	order []string
}

func (l *lateStreams) has(id string) bool {
	_, ok := l.ids[id]
	return ok
}

func (l *lateStreams) add(id string) {
	if l.has(id) {
		return
	}
	if l.ids == nil {
		l.ids = map[string]struct{}{}
	}
	if len(l.order) == maxLate {
		delete(l.ids, l.order[0])
		l.order = append(l.order[:0], l.order[1:]...)
	}
	l.ids[id] = struct{}{}
	l.order = append(l.order, id)
}

func (l *lateStreams) remove(id string) {
	if !l.has(id) {
		return
	}
	delete(l.ids, id)
	i := slices.Index(l.order, id)
	l.order = slices.Delete(l.order, i, i+1)
}
