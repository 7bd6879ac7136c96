package mdns

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// nameUse is a service somebody looks up or watches, and whose nodes are
// therefore kept complete and fresh.
type nameUse struct {
	service string // folded
	exact   string // as it is asked for
	asked   bool   // the network has been asked at least once
	used    time.Time
	pause   time.Duration // until the next question
	plan    int           // counts plans, so that a superseded one does nothing
}

// Lookup returns the instances of service. The first lookup of a name asks the
// network and takes up to window (see ask); later ones are answered from memory,
// unless the name has become empty. No instance is no error.
func (e *Engine) Lookup(ctx context.Context, service string, window time.Duration) ([]*Entry, error) {
	exact := EscapeName(service)
	if err := CheckName(exact + "." + e.domain); err != nil {
		return nil, err
	}
	s, err := e.use(ctx)
	if err != nil {
		return nil, err
	}
	defer e.release()
	e.mu.Lock()
	now := time.Now()
	n := s.use(fold(exact), exact, now)
	if n.asked {
		if entries := s.entries(n.service, now); len(entries) > 0 {
			e.mu.Unlock()
			return entries, nil
		}
	}
	a := s.ask(exact+"."+e.domain, window, now)
	e.mu.Unlock()
	s.poke()
	if err := s.wait(ctx, a); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return s.entries(n.service, time.Now()), nil
}

// Services returns the names of all services in the domain, sorted. It always
// asks the network and takes the whole window, because nobody announces names.
func (e *Engine) Services(ctx context.Context, window time.Duration) ([]string, error) {
	s, err := e.use(ctx)
	if err != nil {
		return nil, err
	}
	defer e.release()
	e.mu.Lock()
	s.seen.reset() // the answers to a list just before count again
	a := s.ask(ListService+"."+e.domain, window, time.Now())
	a.whole = true
	e.mu.Unlock()
	s.poke()
	if err := s.wait(ctx, a); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return s.services(a, time.Now()), nil
}

// entries returns what is published here and what is known of elsewhere.
func (s *session) entries(service string, now time.Time) []*Entry {
	remote := s.cache.live(service, now)
	local := s.zone.services[service+"."+fold(s.engine.domain)]
	if len(local) == 0 {
		return remote
	}
	out := make([]*Entry, 0, len(local)+len(remote))
	for _, p := range local {
		out = append(out, p.entry)
	}
	return append(out, remote...)
}

// services joins the names a listed with those of the instances known.
func (s *session) services(a *ask, now time.Time) []string {
	names := map[string]string{} // folded to exact
	for _, name := range a.listed {
		names[fold(EscapeName(name))] = name
	}
	for service, list := range s.cache.services {
		if len(s.cache.live(service, now)) > 0 {
			names[service] = list[0].entry.Service
		}
	}
	for _, p := range s.zone.local {
		names[fold(p.entry.Instance.Service)] = p.entry.Service
	}
	return slices.Sorted(maps.Values(names))
}

// use notes that a name is wanted.
func (s *session) use(service, exact string, now time.Time) *nameUse {
	n := s.names[service]
	if n == nil {
		s.limitNames(now)
		n = &nameUse{service: service, exact: exact}
		s.names[service] = n
		s.seen.reset() // what was not wanted when it was seen may be now
	}
	n.used = now
	return n
}

// limitNames makes room for another name in use.
func (s *session) limitNames(now time.Time) {
	if len(s.names) < maxNames {
		return
	}
	for service, n := range s.names {
		if !s.watched(service) && (len(s.names) >= maxNames || !s.wanted(n, now)) {
			delete(s.names, service)
		}
	}
}

func (s *session) wanted(n *nameUse, now time.Time) bool {
	return s.watched(n.service) || now.Sub(n.used) < interest
}

// interesting reports whether the nodes of a service are to be kept fresh.
func (s *session) interesting(service string) bool {
	return s.names[service] != nil || s.watched(service)
}

// refresh asks for the nodes of e's service before they are too old, at most
// twice a second however many of them there are.
func (s *session) refresh(e *cached, now time.Time) {
	if now.Sub(s.renewed[e.service]) < time.Second/2 {
		return
	}
	if len(s.renewed) >= maxNames {
		clear(s.renewed)
	}
	s.renewed[e.service] = now
	s.question(e.entry.ServiceName(), TypePTR, nil)
}

// keepFresh plans the next question about a name: soon after the first one, in
// case an answer was lost, then ever more rarely, then not at all once nobody
// wants the name any more.
func (s *session) keepFresh(n *nameUse, now time.Time) {
	n.pause = min(max(2*n.pause, askIntervalMin), askIntervalMax)
	n.plan++
	plan := n.plan
	jitter := rand.N(n.pause / 10)
	s.agenda.add(now.Add(n.pause+jitter), func(now time.Time) {
		if s.names[n.service] != n || n.plan != plan {
			return
		}
		if !s.wanted(n, now) {
			delete(s.names, n.service)
			return
		}
		s.question(n.exact+"."+s.engine.domain, TypePTR, nil)
		s.keepFresh(n, now)
	})
}

// askMissing asks for the records of an instance that only some have come of.
func (s *session) askMissing(e *cached, now time.Time) {
	if now.Sub(e.asked) < time.Second {
		return
	}
	e.asked = now
	s.question(e.name, TypeANY, nil)
}

// question multicasts a question; a is who wants to hear it come back, or nil.
func (s *session) question(name string, qtype uint16, a *ask) {
	key := answerKey{qtype: qtype, name: name}
	if a != nil {
		key.about = "ask"
	}
	s.outbox.put(outgoing{kind: sendAsk, question: Question{Name: name, Type: qtype, Class: ClassINET}, asking: a, once: key})
}
