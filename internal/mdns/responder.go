package mdns

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// zone is what a session publishes.
type zone struct {
	local    map[string]*publication   // by folded full name
	services map[string][]*publication // by folded service name, oldest first
}

// publication is one published instance. It is replaced, never changed.
type publication struct {
	key, serviceKey string
	entry           *Entry
	round           int       // announcements made
	defended        time.Time // when somebody else's goodbye was last contradicted
}

func newZone() zone {
	return zone{local: map[string]*publication{}, services: map[string][]*publication{}}
}

func (z *zone) put(p *publication) {
	z.local[p.key] = p
	z.services[p.serviceKey] = append(z.services[p.serviceKey], p)
}

func (z *zone) remove(p *publication) {
	delete(z.local, p.key)
	rest := slices.DeleteFunc(z.services[p.serviceKey], func(o *publication) bool { return o == p })
	if len(rest) == 0 {
		delete(z.services, p.serviceKey)
	} else {
		z.services[p.serviceKey] = rest
	}
}

// Publish announces i and answers questions about it until it is withdrawn.
// An instance of that name published before is replaced; one with the same
// records is left alone. value is kept with i in this engine's own lookups, where
// i shows at once. i.Domain is set by the engine; a zero TTL means 120 seconds.
//
// It fails when i cannot be written as DNS records: ErrName and ErrTooLarge tell
// what to shorten.
func (e *Engine) Publish(ctx context.Context, i Instance, value any) error {
	i.Domain = e.domain
	if i.TTL == 0 {
		i.TTL = DefaultTTL
	}
	if err := i.Check(); err != nil {
		return err
	}
	if err := checkFits(&i); err != nil {
		return err
	}
	s, err := e.use(ctx)
	if err != nil {
		return fmt.Errorf("mdns: publish %s: %w", i.FullName(), err)
	}
	defer e.release()
	e.mu.Lock()
	defer e.mu.Unlock()
	if s.ended {
		return fmt.Errorf("mdns: publish %s: engine was closed meanwhile", i.FullName())
	}
	s.publish(i, value)
	return nil
}

// checkFits reports whether every message about i can be sent.
func checkFits(i *Instance) error {
	q := Question{Name: i.ServiceName(), Type: TypePTR, Class: ClassINET}
	query := &Message{Questions: []Question{q}}
	if _, err := Reply(query, q, i.Answer(q)).Datagrams(); err != nil {
		return fmt.Errorf("mdns: publish %s: %w", i.FullName(), err)
	}
	if _, err := Announcement(i).Datagrams(); err != nil {
		return fmt.Errorf("mdns: publish %s: %w", i.FullName(), err)
	}
	return nil
}

func (s *session) publish(i Instance, value any) {
	key := fold(i.FullName())
	if old := s.zone.local[key]; old != nil {
		if old.entry.Instance.Equal(&i) {
			return
		}
		s.zone.remove(old)
	}
	i.IPs, i.Text = slices.Clone(i.IPs), slices.Clone(i.Text)
	s.cache.remove(key) // what the network said of it is out of date
	p := &publication{
		key:        key,
		serviceKey: fold(i.ServiceName()),
		entry:      &Entry{Name: UnescapeName(i.Name), Service: UnescapeName(i.Service), Instance: i, Value: value},
	}
	s.zone.put(p)
	s.announce(p, time.Now())
	s.poke()
}

// announce starts p's announcements anew.
func (s *session) announce(p *publication, now time.Time) {
	p.round = 0
	s.announceRound(p, now)
}

func (s *session) announceRound(p *publication, now time.Time) {
	instance := &p.entry.Instance
	s.outbox.put(outgoing{kind: sendAnnounce, build: func() *Message { return Announcement(instance) }})
	s.notify(Created, p.entry)
	p.round++
	if p.round == len(announcePauses) {
		return
	}
	round := p.round
	pause := announcePauses[round] - announcePauses[round-1]
	s.agenda.add(now.Add(pause), func(now time.Time) {
		if s.zone.local[p.key] == p && p.round == round {
			s.announceRound(p, now)
		}
	})
}

// defend contradicts a goodbye that somebody else said to p.
func (s *session) defend(p *publication, now time.Time) {
	if now.Sub(p.defended) < time.Second {
		return
	}
	p.defended = now
	s.announce(p, now)
}

// Withdraw takes leave of an instance of service and returns once the network has
// been told. It reports whether the instance was published.
func (e *Engine) Withdraw(ctx context.Context, service, name string) bool {
	e.mu.Lock()
	s := e.session
	if s == nil {
		e.mu.Unlock()
		return false
	}
	p := s.zone.local[fold(EscapeName(name)+"."+EscapeName(service)+"."+e.domain)]
	if p == nil {
		e.mu.Unlock()
		return false
	}
	said := s.withdraw(p, time.Now())
	e.mu.Unlock()
	s.poke()
	select {
	case <-said:
	case <-s.done:
	case <-ctx.Done():
	}
	return true
}

// withdraw removes p and returns a channel that is closed when goodbye was said.
func (s *session) withdraw(p *publication, now time.Time) <-chan struct{} {
	s.zone.remove(p)
	s.engine.lastUse = now
	gone := p.entry.Instance
	gone.TTL = 0
	goodbye := func() *Message { return Announcement(&gone) }
	said := make(chan struct{})
	s.outbox.put(outgoing{kind: sendAnnounce, build: goodbye, sent: func() { close(said) }})
	s.agenda.add(now.Add(goodbyeRepeat), func(time.Time) {
		if s.zone.local[p.key] == nil {
			s.outbox.put(outgoing{kind: sendAnnounce, build: goodbye})
		}
	})
	s.notify(Deleted, p.entry)
	return said
}

// withdrawAll takes leave of everything and returns when the network was told.
func (s *session) withdrawAll() {
	s.engine.mu.Lock()
	var said []<-chan struct{}
	for _, p := range s.zone.local {
		said = append(said, s.withdraw(p, time.Now()))
	}
	s.engine.mu.Unlock()
	s.poke()
	for _, c := range said {
		select {
		case <-c:
		case <-s.done:
		}
	}
}

// answer queues the replies to a query.
func (s *session) answer(query *Message, from netip.AddrPort, now time.Time) {
	if query.Opcode != 0 || query.Rcode != 0 {
		s.stats.Malformed++
		return
	}
	for _, q := range query.Questions[:min(len(query.Questions), maxQuestions)] {
		if class := q.Class &^ unicastBit; class != ClassINET && class != ClassANY {
			continue
		}
		s.answerQuestion(query, q, from)
	}
}

func (s *session) answerQuestion(query *Message, q Question, from netip.AddrPort) {
	name := fold(q.Name)
	for _, p := range s.zone.services[name] {
		s.reply(query, q, from, &p.entry.Instance)
	}
	if p := s.zone.local[name]; p != nil {
		s.reply(query, q, from, &p.entry.Instance)
	}
	for _, instance := range s.listEntries(name) {
		s.reply(query, q, from, instance)
	}
	if q.Type == TypeA || q.Type == TypeAAAA {
		if host := s.host(name); host != nil {
			s.reply(query, q, from, host)
		}
	}
}

// listEntries returns the list entries that name asks for.
func (s *session) listEntries(name string) []*Instance {
	domain := fold(s.engine.domain)
	listName := ListService + "." + domain
	all := name == listName
	meta := name == metaService+"."+domain
	var out []*Instance
	for key, instances := range s.zone.services {
		if !all && !meta && name != key[:len(key)-len(domain)]+listName {
			continue
		}
		i := &instances[0].entry.Instance
		if meta {
			out = append(out, i)
		} else {
			out = append(out, listEntry(i.Service, i.Domain, i.Host))
		}
	}
	if meta && len(out) > 0 {
		out = append(out, listEntry("any", s.engine.domain, out[0].Host))
	}
	return out
}

// host returns a stand-in for all instances on the named host, nil when there is
// none: an instance with all their addresses.
func (s *session) host(name string) *Instance {
	var out *Instance
	for _, p := range s.zone.local {
		i := &p.entry.Instance
		if fold(i.Host) != name {
			continue
		}
		if out == nil {
			merged := *i
			merged.IPs = slices.Clone(i.IPs)
			out = &merged
			continue
		}
		for _, ip := range i.IPs {
			if !slices.Contains(out.IPs, ip) {
				out.IPs = append(out.IPs, ip)
			}
		}
	}
	return out
}

// reply answers q about one instance: to the source of the query, and also to the
// group when the source is the port that everybody shares.
func (s *session) reply(query *Message, q Question, from netip.AddrPort, about *Instance) {
	records := about.Answer(q)
	if len(records) == 0 {
		return
	}
	key := answerKey{to: from, id: query.ID, qtype: q.Type, name: fold(q.Name), about: fold(about.FullName())}
	s.outbox.put(outgoing{
		kind: sendReply, to: from, once: key,
		build: func() *Message { return Reply(query, q, records) },
	})
	if from.Port() != Port || q.Class&unicastBit != 0 {
		return
	}
	key.to, key.id = netip.AddrPort{}, 0
	s.outbox.put(outgoing{kind: sendAnnounce, once: key, build: func() *Message {
		return &Message{Response: true, Authoritative: true, Compress: true, Answers: records}
	}})
}
