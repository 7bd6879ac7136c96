package mdns

import (
	"context"
	"time"
)

// EventKind says what happened to an instance.
type EventKind int

const (
	// Created means an instance is there: it is new, changed, or announced again.
	Created EventKind = iota
	// Deleted means an instance said goodbye or has not been heard of for too long.
	Deleted
)

// Event is a piece of news about an instance.
type Event struct {
	Kind  EventKind
	Entry *Entry
}

// Watch delivers the news about the instances of one service, or of all. Events
// wait in order until they are taken.
type Watch struct {
	session *session
	service string        // folded; empty for all
	ready   chan struct{} // has an event or has ended; one slot
	stopped chan struct{}

	// Guarded by the engine's lock.
	backlog []Event
	bytes   int // what the events refer to
	over    bool
}

// Watch starts watching service, or all services when it is empty.
func (e *Engine) Watch(ctx context.Context, service string) (*Watch, error) {
	exact := EscapeName(service)
	if service != "" {
		if err := CheckName(exact + "." + e.domain); err != nil {
			return nil, err
		}
	}
	s, err := e.use(ctx)
	if err != nil {
		return nil, err
	}
	defer e.release()
	w := &Watch{session: s, service: fold(exact), ready: make(chan struct{}, 1), stopped: make(chan struct{})}
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.ended {
		return nil, ErrStopped
	}
	s.watches[w] = struct{}{}
	s.seen.reset() // what was not wanted when it was seen may be now
	if w.service != "" {
		now := time.Now()
		if n := s.use(w.service, exact, now); n.plan == 0 {
			s.keepFresh(n, now)
		}
	}
	s.poke()
	return w, nil
}

// Next waits for the next event. After Stop it fails with ErrStopped, and when ctx
// is done with its error. Several goroutines may wait; each event goes to one.
func (w *Watch) Next(ctx context.Context) (Event, error) {
	for {
		if event, ok, err := w.take(); ok || err != nil {
			return event, err
		}
		select {
		case <-w.ready:
		case <-w.stopped:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

func (w *Watch) take() (Event, bool, error) {
	w.session.engine.mu.Lock()
	defer w.session.engine.mu.Unlock()
	if w.over {
		return Event{}, false, ErrStopped
	}
	if len(w.backlog) == 0 {
		return Event{}, false, nil
	}
	event := w.drop()
	if len(w.backlog) > 0 {
		w.signal()
	}
	return event, true, nil
}

// Stop ends the watch. It may be called repeatedly and by several goroutines.
func (w *Watch) Stop() {
	e := w.session.engine
	e.mu.Lock()
	if !w.over {
		w.end()
		e.lastUse = time.Now()
	}
	e.mu.Unlock()
	w.session.poke()
}

// end stops the watch while the engine is locked.
func (w *Watch) end() {
	if w.over {
		return
	}
	w.over = true
	w.backlog = nil
	delete(w.session.watches, w)
	close(w.stopped)
}

// drop takes the oldest event off the backlog.
func (w *Watch) drop() Event {
	event := w.backlog[0]
	w.backlog[0] = Event{}
	w.backlog = w.backlog[1:]
	w.bytes -= event.Entry.size
	return event
}

func (w *Watch) signal() {
	select {
	case w.ready <- struct{}{}:
	default:
	}
}

func (w *Watch) wants(service string) bool { return w.service == "" || w.service == service }

// watched reports whether anybody watches a service.
func (s *session) watched(service string) bool {
	for w := range s.watches {
		if w.wants(service) {
			return true
		}
	}
	return false
}

// notify tells the watchers of an instance. A watcher too far behind loses its
// oldest event.
func (s *session) notify(kind EventKind, entry *Entry) {
	service := fold(entry.Instance.Service)
	for w := range s.watches {
		if !w.wants(service) {
			continue
		}
		for len(w.backlog) >= maxWatchBacklog || len(w.backlog) > 0 && w.bytes+entry.size > maxBacklogBytes {
			behind := len(w.backlog)
			w.drop()
			if s.log.news("slow watcher", time.Now()) {
				s.warnf("mdns: a watcher is %d events behind, the oldest are lost", behind)
			}
		}
		w.backlog = append(w.backlog, Event{kind, entry})
		w.bytes += entry.size
		w.signal()
	}
}
