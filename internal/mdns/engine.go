package mdns

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"time"
)

// Config says what an [Engine] works with. The zero value of every field but
// Domain and Decode has a sensible meaning.
type Config struct {
	// Domain is the DNS domain of all services, such as "micro".
	Domain string

	// Decode reads the TXT strings of an instance and returns the service it
	// belongs to and a value to keep with it, which must not change afterwards.
	// Instances it rejects are not listed. It is called by several goroutines
	// and must not block. A value with a method Size() int, which tells what it
	// takes in memory, counts with that in what the cache may hold.
	Decode func(text []string) (service string, value any, err error)

	// Network is what to talk over; nil means the real one.
	Network Network

	// Idle is how long an unused engine stays open; 0 means 5 seconds.
	Idle time.Duration

	// Debugf and Warnf receive log messages; nil drops them.
	Debugf, Warnf func(format string, args ...any)
}

// Entry is an instance that was found. It is shared: do not modify what it refers to.
type Entry struct {
	Name    string // the node's own name, without service and domain
	Service string
	Instance
	Value any // what Config.Decode made of the TXT record
	size  int // about what it takes in memory, in bytes; of entries from the network
}

// Stats counts what an engine met since it was opened.
type Stats struct {
	Packets   uint64 // received and looked at
	Malformed uint64 // not a DNS message, or an answer that makes no sense
	Foreign   uint64 // about names outside the domain
	Unwanted  uint64 // about services that nobody asks for or watches
	Rejected  uint64 // TXT records that did not decode
	Refused   uint64 // about names published here, or beyond the cache's bounds
	Dropped   uint64 // replies not sent because too many were waiting
	Entries   int    // instances in the cache
}

// Engine publishes and finds instances of services in one domain. All methods may
// be called concurrently. An engine opens its sockets at the first use and closes
// them when it has been idle for a while; nothing needs to be done about either.
type Engine struct {
	config  Config
	domain  string // folded, ends in a dot
	network Network

	opening sync.Mutex // held while a session is opened

	mu      sync.Mutex // guards the fields below and everything in session
	session *session   // nil while closed
	last    *session   // the session opened last, perhaps still closing
	users   int        // calls in progress
	lastUse time.Time
}

// New returns an engine. It opens nothing yet.
func New(config Config) *Engine {
	e := &Engine{config: config, network: config.Network}
	e.domain = strings.TrimSuffix(cmp.Or(config.Domain, "local"), ".") + "."
	nothing := func(string, ...any) {}
	if e.config.Debugf == nil {
		e.config.Debugf = nothing
	}
	if e.config.Warnf == nil {
		e.config.Warnf = nothing
	}
	if e.network == nil {
		e.network = &Multicast{Debugf: e.config.Debugf}
	}
	e.config.Idle = cmp.Or(e.config.Idle, defaultIdle)
	return e
}

// Stats returns the counters of the current session, zero while closed.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.session == nil {
		return Stats{}
	}
	stats := e.session.stats
	stats.Entries = len(e.session.cache.entries)
	stats.Dropped = e.session.outbox.dropped
	return stats
}

// use returns the open session, opening one when there is none, and keeps it from
// ending for lack of use until release is called.
func (e *Engine) use(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	e.users++
	s := e.session
	e.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s, err := e.open()
	if err != nil {
		e.release()
		return nil, err
	}
	return s, nil
}

func (e *Engine) release() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.users--
	e.lastUse = time.Now()
}

func (e *Engine) open() (*session, error) {
	e.opening.Lock()
	defer e.opening.Unlock()
	e.mu.Lock()
	s := e.session
	e.mu.Unlock()
	if s != nil {
		return s, nil
	}
	s = newSession(e)
	link, err := e.network.Open(s.deliver)
	if err != nil {
		return nil, err
	}
	s.link = link
	e.mu.Lock()
	e.session, e.last = s, s
	e.lastUse = time.Now()
	e.mu.Unlock()
	go s.run()
	return s, nil
}

// Close says goodbye for everything that is published, stops all watches and
// closes the sockets. It returns when every goroutine of the engine has ended.
// Close may be called repeatedly, and a later use opens the engine again.
func (e *Engine) Close() error {
	e.mu.Lock()
	s, last := e.session, e.last
	e.mu.Unlock()
	if s != nil {
		s.withdrawAll()
		e.mu.Lock()
		s.end()
		e.mu.Unlock()
		s.poke()
	}
	if last != nil {
		<-last.done
	}
	return nil
}
