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
		if len(fresh) < maxReadings && s.needsReading(g) {
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

// needsReading reports whether g has a text of a node that somebody wants to know
// of, and that is neither published here nor known.
func (s *session) needsReading(g *Sighting) bool {
	key := fold(g.Name)
	domain := "." + fold(s.engine.domain)
	if !g.HasText || !strings.HasSuffix(key, domain) || strings.HasSuffix(key, "."+ListService+domain) {
		return false
	}
	if s.zone.local[key] != nil || !s.wantsInstance(key) {
		return false
	}
	e := s.cache.entries[key]
	return e == nil || !e.hasText || !slices.Equal(e.text, g.Text)
}

// wantsInstance reports whether an instance, by its folded full name, may be of a
// service that is asked for or watched. Where the node's own name ends and that of
// the service begins its text alone tells: any of the dots may part them.
func (s *session) wantsInstance(key string) bool {
	name := strings.TrimSuffix(key, "."+fold(s.engine.domain))
	for {
		_, service, more := strings.Cut(name, ".")
		if !more {
			return false
		}
		if s.interesting(service) {
			return true
		}
		name = service
	}
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
	if !s.wantsInstance(key) {
		s.stats.Unwanted++
		s.cache.remove(key) // of a name that was wanted once
		return true
	}
	if g.Goodbye {
		s.goodbye(key, g, now)
		return false
	}
	return s.update(key, g, announced, now)
}

// goodbye removes an instance that said goodbye.
func (s *session) goodbye(key string, g *finding, now time.Time) {
	if e := s.cache.remove(key); e != nil {
		if e.entry != nil {
			s.remember(key, now)
			s.notify(Deleted, e.entry)
		}
		return
	}
	// Watchers hear of it even when nothing was known, once.
	if at, ok := s.goodbyes[key]; ok && now.Sub(at) < 2*goodbyeRepeat {
		return
	}
	unknown := &cached{key: key, name: g.Name}
	unknown.merge(g, now)
	if unknown.hasRecords() && s.complete(unknown) {
		s.remember(key, now)
		s.notify(Deleted, unknown.entry)
	}
}

// remember notes that watchers were told of a goodbye.
func (s *session) remember(key string, now time.Time) {
	if len(s.goodbyes) >= maxNames {
		clear(s.goodbyes)
	}
	s.goodbyes[key] = now
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
	s.planRefresh(e, now)
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
		if !s.makeRoom(e, now) {
			if known != nil {
				s.notify(Deleted, known)
			}
			return known == nil
		}
	}
	delete(s.goodbyes, key)
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
	e.entry = &Entry{size: e.size(), Name: name[:cut], Service: service, Value: e.reading.value, Instance: Instance{
		Name: EscapeName(name[:cut]), Service: EscapeName(service), Domain: s.engine.domain,
		Host: e.host, Port: e.port, IPs: e.addrs, Text: e.text, TTL: uint32(e.ttl / time.Second),
	}}
	return true
}

// admit adds an instance to the cache, nil when there is no room for it.
func (s *session) admit(key, name string, now time.Time) *cached {
	if len(s.cache.entries) >= maxEntries && !s.evict() || len(s.agenda.items) >= maxPlans {
		s.refuse(name, now)
		return nil
	}
	e := &cached{key: key, name: name, learned: now, ttl: incompleteTTL}
	s.cache.entries[key] = e
	return e
}

// makeRoom removes others until e, which was just listed, fits into the cache. It
// removes e itself when that is not enough.
func (s *session) makeRoom(e *cached, now time.Time) bool {
	for s.cache.bytes > maxBytes {
		if e.entry.size > maxBytes/2 || !s.evict() {
			s.cache.remove(e.key)
			s.refuse(e.name, now)
			return false
		}
	}
	return s.cache.entries[e.key] == e
}

// refuse counts an instance that there is no room for.
func (s *session) refuse(name string, now time.Time) {
	s.stats.Refused++
	if s.log.news("cache full", now) {
		s.warnf("mdns: %d instances with %d bytes known, no room for %s", len(s.cache.entries), s.cache.bytes, name)
	}
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

// planRefresh sets when e is next looked at, unless there
// is one that is early enough.
func (s *session) planRefresh(e *cached, now time.Time) {
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
	s.plans++
	e.plan = s.plans
	key, plan := e.key, e.plan // not e, which may be gone long before
	s.agenda.add(at, func(now time.Time) {
		if e := s.cache.entries[key]; e != nil && e.plan == plan {
			e.due = time.Time{}
			s.age(e, now)
		}
	})
}

// age refreshes an entry in use that grows old, and drops one that is too old.
func (s *session) age(e *cached, now time.Time) {
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
	s.planRefresh(e, now)
}
