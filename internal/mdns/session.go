package mdns

import (
	"errors"
	"fmt"
	"os"
	"time"
)

// session is the life of an engine from opening its link to closing it. One
// goroutine, run, does all sending and everything that is a matter of time;
// deliver is called by the link's receivers. The engine's lock guards every
// field but the channels and the link, and is never held while sending.
type session struct {
	engine *Engine
	link   Link
	wake   chan struct{} // has something new for run to do
	done   chan struct{} // closed when run has returned
	ended  bool          // no more use; run returns

	plans    int // how often an entry was planned to be looked at
	agenda   agenda
	outbox   outbox
	nextScan time.Time

	own    *recent           // datagrams sent by this session
	seen   *recent           // responses received
	asking map[uint64][]*ask // asks by the datagrams that carry them

	zone      zone
	cache     cache
	names     map[string]*nameUse // names kept fresh, by folded service
	asks      map[string]*ask     // by folded question name
	noLoop    bool                // the last question did not come back
	answering time.Time           // when a question was last answered
	watches   map[*Watch]struct{}
	goodbyes  map[string]time.Time // of unknown instances, by folded name

	renewed map[string]time.Time // when services were last refreshed, by folded name

	stats Stats
	log   repeatLog
	lines []func() // log lines to be written once the engine is unlocked
}

func newSession(e *Engine) *session {
	s := &session{
		engine:   e,
		wake:     make(chan struct{}, 1),
		done:     make(chan struct{}),
		own:      newRecent(),
		seen:     newRecent(),
		asking:   map[uint64][]*ask{},
		zone:     newZone(),
		cache:    newCache(),
		names:    map[string]*nameUse{},
		asks:     map[string]*ask{},
		watches:  map[*Watch]struct{}{},
		goodbyes: map[string]time.Time{},
		renewed:  map[string]time.Time{},
	}
	s.nextScan = time.Now().Add(scanInterval)
	return s
}

// poke makes run look for new work.
func (s *session) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// end marks the session as over: run will return, and the engine opens another
// one when it is used again.
func (s *session) end() {
	if s.ended {
		return
	}
	s.ended = true
	if s.engine.session == s {
		s.engine.session = nil
	}
	for w := range s.watches {
		w.end()
	}
	for _, a := range s.asks {
		s.finish(a)
	}
}

func (s *session) run() {
	defer close(s.done)
	defer s.link.Close()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var changed <-chan struct{}
	if n, ok := s.link.(Notifier); ok {
		changed = n.Changed()
	}
	told := false
	for {
		work := s.turn(time.Now(), changed == nil)
		if work.over {
			return
		}
		if told {
			work.scan, told = true, false
		}
		if work.scan && s.link.Refresh() {
			s.networkChanged()
		}
		if len(work.batch) > 0 {
			s.send(work.batch)
			continue
		}
		timer.Reset(time.Until(work.next))
		select {
		case <-timer.C:
		case <-s.wake:
		case <-changed:
			told = true
		}
	}
}

// turn is what run does next.
type turn struct {
	batch []datagram
	scan  bool
	over  bool
	next  time.Time // when there is more to do
}

// It scans the network's interfaces if nobody tells of changes.
func (s *session) turn(now time.Time, scan bool) turn {
	defer s.writeLog()
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.agenda.run(now)
	if idle, at := s.idle(); idle && !at.After(now) {
		s.end()
	}
	t := turn{over: s.ended, next: now.Add(longestTurn)}
	if t.over {
		return t
	}
	if scan {
		if !s.nextScan.After(now) {
			t.scan = true
			s.nextScan = now.Add(scanInterval)
		}
		t.next = s.nextScan
	}
	t.batch = s.outbox.take(now)
	for _, due := range []func() (time.Time, bool){s.agenda.next, s.outbox.next, s.idleAt} {
		if at, ok := due(); ok && at.Before(t.next) {
			t.next = at
		}
	}
	return t
}

// idle reports whether nobody needs the session, and when it may end if that lasts.
func (s *session) idle() (bool, time.Time) {
	busy := s.engine.users > 0 || len(s.zone.local) > 0 || len(s.watches) > 0 ||
		len(s.asks) > 0 || !s.outbox.empty()
	return !busy, s.engine.lastUse.Add(s.engine.config.Idle)
}

func (s *session) idleAt() (time.Time, bool) {
	idle, at := s.idle()
	return at, idle
}

// send packs and sends a batch. The datagrams that will come back are
// remembered first.
func (s *session) send(batch []datagram) {
	packed := make([][][]byte, len(batch))
	for i, m := range batch {
		var err error
		if packed[i], err = m.build().Datagrams(); err != nil {
			s.complain(m.kind, err)
		}
	}
	s.rememberOwn(batch, packed)
	for i, m := range batch {
		for _, data := range packed[i] {
			if err := s.transmit(m, data); err != nil {
				s.complain(m.kind, err)
			}
		}
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	now := time.Now()
	for _, m := range batch {
		if m.sent != nil {
			m.sent()
		}
		for _, a := range m.asking {
			s.asked(a, now)
		}
	}
}

func (s *session) rememberOwn(batch []datagram, packed [][][]byte) {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	now := time.Now()
	for i, m := range batch {
		if m.kind == sendReply {
			continue
		}
		for _, data := range packed[i] {
			sum := s.own.sum(data)
			s.own.add(sum, now)
			for _, a := range m.asking {
				if !a.finished {
					s.asking[sum] = append(s.asking[sum], a)
					a.sums = append(a.sums, sum)
				}
			}
		}
	}
}

func (s *session) transmit(m datagram, data []byte) error {
	switch m.kind {
	case sendAsk:
		return s.link.Ask(data)
	case sendAnnounce:
		return s.link.Announce(data)
	}
	return s.link.Reply(data, m.to)
}

// complain logs a failure to send, each kind not more than once a minute.
func (s *session) complain(kind outgoingKind, err error) {
	key := fmt.Sprint("send ", kind)
	if reason, ok := errors.AsType[*os.SyscallError](err); ok {
		key += reason.Err.Error()
	}
	s.engine.mu.Lock()
	say := s.log.news(key, time.Now())
	s.engine.mu.Unlock()
	if say {
		s.engine.config.Warnf("%v", err)
	}
}

// deliver takes a packet from the link.
func (s *session) deliver(p Packet) {
	sum, seenSum := s.own.sum(p.Data), s.seen.sum(p.Data)
	if s.known(sum, seenSum) {
		return
	}
	msg, err := Unpack(p.Data)
	var findings []*finding
	if err == nil && msg.Response {
		findings = s.examine(msg)
	}
	defer s.writeLog()
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	if s.ended {
		return
	}
	s.stats.Packets++
	now := time.Now()
	switch {
	case err != nil:
		s.stats.Malformed++
		s.debugf("mdns: packet from %v: %v", p.From, err)
	case !msg.Response:
		s.answer(msg, p.From, now)
	case s.learn(msg, findings, now):
		s.seen.add(seenSum, now)
	}
	s.poke()
}

// known reports whether a packet needs no look, because it is one of the
// session's own or a copy of one just seen.
func (s *session) known(sum, seenSum uint64) bool {
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	now := time.Now()
	if asks, ok := s.asking[sum]; ok {
		for _, a := range asks {
			s.hear(a, now)
		}
		s.poke()
		return true
	}
	return s.own.has(sum, now) || s.seen.has(seenSum, now)
}

// networkChanged makes nodes known on interfaces that have come back, and finds
// out who is there.
func (s *session) networkChanged() {
	s.engine.config.Debugf("mdns: network interfaces changed")
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	now := time.Now()
	for _, p := range s.zone.local {
		s.announce(p, now)
	}
	for _, n := range s.names {
		n.pause = 0
		s.keepFresh(n, now)
	}
}

// maxLines bounds the log lines that wait.
const maxLines = 100

// debugf logs a line after the engine, now locked, is unlocked.
func (s *session) debugf(format string, args ...any) {
	if len(s.lines) < maxLines {
		s.lines = append(s.lines, func() { s.engine.config.Debugf(format, args...) })
	}
}

// warnf is debugf for what users should know.
func (s *session) warnf(format string, args ...any) {
	if len(s.lines) < maxLines {
		s.lines = append(s.lines, func() { s.engine.config.Warnf(format, args...) })
	}
}

// writeLog writes the waiting lines; the engine must not be locked.
func (s *session) writeLog() {
	s.engine.mu.Lock()
	lines := s.lines
	s.lines = nil
	s.engine.mu.Unlock()
	for _, write := range lines {
		write()
	}
}

// repeatLog tells news from repetitions.
type repeatLog struct{ said map[string]time.Time }

// news reports whether key was not said in the last minute, and says it.
func (l *repeatLog) news(key string, now time.Time) bool {
	if at, ok := l.said[key]; ok && now.Sub(at) < time.Minute {
		return false
	}
	if l.said == nil || len(l.said) >= 64 {
		l.said = map[string]time.Time{}
	}
	l.said[key] = now
	return true
}
