package mdns

import (
	"slices"
	"strings"
	"time"
)

// finding is a sighting with what its TXT record says.
type finding struct {
	*Sighting
	reading *reading // nil when the text is known already
}

// examine reads the answers of a response and decodes the TXT records that are
// new. The engine is not locked meanwhile.
func (s *session) examine(msg *Message) []*finding {
	sightings := ReadSightings(msg)
	findings := make([]*finding, len(sightings))
	s.engine.mu.Lock()
	var fresh []*finding
	for i, g := range sightings {
		findings[i] = &finding{Sighting: g}
		if s.needsReading(g) {
			fresh = append(fresh, findings[i])
		}
	}
	s.engine.mu.Unlock()
	for _, f := range fresh {
		r := new(reading)
		r.service, r.value, r.err = s.engine.config.Decode(f.Text)
		f.reading = r
	}
	return findings
}

// needsReading reports whether g has a text of a node of this domain that is
// neither published here nor known.
func (s *session) needsReading(g *Sighting) bool {
	key := fold(g.Name)
	domain := "." + fold(s.engine.domain)
	if !g.HasText || !strings.HasSuffix(key, domain) || strings.HasSuffix(key, "."+ListService+domain) {
		return false
	}
	if s.zone.local[key] != nil {
		return false
	}
	e := s.cache.entries[key]
	return e == nil || !e.hasText || !slices.Equal(e.text, g.Text)
}

// learn takes over the answers of a response. It reports whether copies of the
// response need no look: they do when it took leave of somebody or changed what
// was known, because the same bytes may then soon be news again.
func (s *session) learn(msg *Message, findings []*finding, now time.Time) bool {
	if msg.Opcode != 0 || msg.Rcode != 0 {
		s.stats.Malformed++
		return false
	}
	announced := len(msg.Questions) == 0
	repeatable := true
	for _, g := range findings {
		if !s.sight(g, announced, now) {
			repeatable = false
		}
	}
	if !repeatable {
		s.seen.reset()
	}
	return repeatable
}

// sight takes over what a response says of one instance. It reports false when
// that ended or changed something known.
func (s *session) sight(g *finding, announced bool, now time.Time) bool {
	key := fold(g.Name)
	domain := "." + fold(s.engine.domain)
	if !strings.HasSuffix(key, domain) {
		s.stats.Foreign++
		return true
	}
	if listed, ok := strings.CutSuffix(key, "."+ListService+domain); ok {
		s.listed(UnescapeName(g.Name)[:len(listed)], g.Sighting, now)
		return true
	}
	if p := s.zone.local[key]; p != nil {
		s.stats.Refused++
		if g.Goodbye {
			s.defend(p, now)
		}
		return true
	}
	if g.Goodbye {
		s.bury(key, g, now)
		return false
	}
	return s.update(key, g, announced, now)
}

// bury removes an instance that said goodbye.
func (s *session) bury(key string, g *finding, now time.Time) {
	if e := s.cache.remove(key); e != nil {
		if e.entry != nil {
			s.mourn(key, now)
			s.notify(Deleted, e.entry)
		}
		return
	}
	// Watchers hear of it even when nothing was known, once.
	if at, ok := s.buried[key]; ok && now.Sub(at) < 2*goodbyeRepeat {
		return
	}
	stranger := &cached{key: key, name: g.Name}
	stranger.merge(g, now)
	if stranger.hasRecords() && s.complete(stranger) {
		s.mourn(key, now)
		s.notify(Deleted, stranger.entry)
	}
}

// mourn remembers that watchers were told of a goodbye.
func (s *session) mourn(key string, now time.Time) {
	if len(s.buried) >= maxNames {
		clear(s.buried)
	}
	s.buried[key] = now
}

// update refreshes or adds an instance. It reports false when one that was
// complete has changed.
func (s *session) update(key string, g *finding, announced bool, now time.Time) bool {
	e := s.cache.entries[key]
	if e == nil {
		if e = s.admit(key, g.Name, now); e == nil {
			return true
		}
	}
	known := e.entry
	changed := e.merge(g, now)
	s.planTending(e, now)
	if !e.hasRecords() {
		s.askMissing(e, now)
		return true
	}
	if changed || known == nil {
		s.cache.unlist(e)
		e.entry = nil
		if e.rejected || !s.complete(e) {
			if known != nil {
				s.notify(Deleted, known)
			}
			return known == nil
		}
		s.cache.list(e)
	}
	delete(s.buried, key)
	if changed || announced && now.Sub(e.notified) >= repeatSilence {
		e.notified = now
		s.notify(Created, e.entry)
	}
	if a := s.asks[e.service+"."+fold(s.engine.domain)]; a != nil {
		s.answered(a, true, now)
	}
	return !changed || known == nil
}

// complete makes e's entry from its records. It fails when the text did not
// decode or belongs to another service than the name says.
func (s *session) complete(e *cached) bool {
	if e.reading == nil { // the text changed twice at once; it will be seen again
		e.hasText = false
		return false
	}
	service, err := e.reading.service, e.reading.err
	if err != nil {
		e.rejected = true
		s.stats.Rejected++
		s.debugf("mdns: TXT record of %s: %v", e.name, err)
		return false
	}
	name := UnescapeName(e.name)
	suffix := "." + service + "." + s.engine.domain
	cut := len(name) - len(suffix)
	if service == "" || cut <= 0 || lower(name[cut:]) != lower(suffix) {
		e.rejected = true
		s.stats.Rejected++
		s.debugf("mdns: %s claims to be of service %q", e.name, service)
		return false
	}
	e.entry = &Entry{Name: name[:cut], Service: service, Value: e.reading.value, Instance: Instance{
		Name: EscapeName(name[:cut]), Service: EscapeName(service), Domain: s.engine.domain,
		Host: e.host, Port: e.port, IPs: e.addrs, Text: e.text, TTL: uint32(e.ttl / time.Second),
	}}
	return true
}

// admit adds an instance to the cache, nil when there is no room for it.
func (s *session) admit(key, name string, now time.Time) *cached {
	if len(s.cache.entries) >= maxEntries && !s.evict() {
		s.stats.Refused++
		if s.log.news("cache full", now) {
			s.warnf("mdns: %d instances known, no room for %s", len(s.cache.entries), name)
		}
		return nil
	}
	e := &cached{key: key, name: name, learned: now, ttl: incompleteTTL}
	s.cache.entries[key] = e
	return e
}

// evict removes an instance that nobody has asked for, looking at a few.
func (s *session) evict() bool {
	tries := 32
	for key, e := range s.cache.entries {
		if e.entry == nil || !s.interesting(e.service) {
			s.cache.remove(key)
			return true
		}
		if tries--; tries == 0 {
			break
		}
	}
	return false
}

// refreshAt are the parts of an entry's life after which it is asked for anew,
// in percent; at the last it ends.
var refreshAt = [...]time.Duration{80, 85, 90, 95, 100}

// planTending makes the appointment at which e is next looked after, unless there
// is one that is early enough.
func (s *session) planTending(e *cached, now time.Time) {
	at := e.expires()
	for _, percent := range refreshAt {
		if due := e.learned.Add(e.ttl * percent / 100); due.After(now) {
			at = due
			break
		}
	}
	if !e.due.IsZero() && !at.Before(e.due) {
		return
	}
	e.due = at
	e.plan++
	plan := e.plan
	s.agenda.add(at, func(now time.Time) {
		if s.cache.entries[e.key] == e && e.plan == plan {
			e.due = time.Time{}
			s.tend(e, now)
		}
	})
}

// tend refreshes an entry in use that grows old, and drops one that is too old.
func (s *session) tend(e *cached, now time.Time) {
	age := now.Sub(e.learned)
	if age >= e.ttl {
		s.cache.remove(e.key)
		if e.entry != nil {
			s.notify(Deleted, e.entry)
		}
		return
	}
	if e.entry != nil && age >= e.ttl*refreshAt[0]/100 && s.interesting(e.service) {
		s.refresh(e, now)
	}
	s.planTending(e, now)
}
