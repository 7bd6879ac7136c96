package mdns

import (
	"net/netip"
	"slices"
	"time"
)

// maxTTL is the longest a record is believed without being seen again.
const maxTTL = time.Hour

// incompleteTTL is how long the missing records of an instance are waited for.
const incompleteTTL = 10 * time.Second

// cache holds what the network said of instances published elsewhere.
type cache struct {
	entries  map[string]*cached   // by folded full name
	services map[string][]*cached // complete ones, by folded service, oldest first
	bytes    int                  // what the complete ones take, about
}

// cached is one instance. Its records may come in several messages; entry is set
// when all have come and the TXT record decodes.
type cached struct {
	key      string
	name     string // as received
	host     string
	port     uint16
	addrs    []netip.Addr
	text     []string
	hasText  bool
	reading  *reading // of text
	rejected bool     // the reading is of no use
	ttl      time.Duration
	learned  time.Time // when any record was last seen
	notified time.Time // when watchers were last told
	asked    time.Time // when missing records were last asked for
	due      time.Time // when it is next looked at, zero when that is not planned
	plan     int       // number of the plan, so that a superseded one does nothing
	service  string    // folded; of entry
	entry    *Entry
}

// reading is what Config.Decode made of a TXT record.
type reading struct {
	service string
	value   any
	err     error
}

// overhead is about what an entry takes beside its texts and its value.
const overhead = 1 << 10

// sized is what values implement that know what they take in memory, in bytes.
type sized interface{ Size() int }

// size is about what e takes in memory, in bytes.
func (e *cached) size() int {
	size := overhead + 4*len(e.name) + len(e.host) + 32*len(e.addrs)
	for _, text := range e.text {
		size += len(text) + 16
	}
	if v, ok := e.reading.value.(sized); ok {
		return size + v.Size()
	}
	return 2 * size
}

func newCache() cache {
	return cache{entries: map[string]*cached{}, services: map[string][]*cached{}}
}

// live returns the complete entries of a service that have not expired.
func (c *cache) live(service string, now time.Time) []*Entry {
	list := c.services[service]
	out := make([]*Entry, 0, len(list))
	for _, e := range list {
		if now.Before(e.expires()) {
			out = append(out, e.entry)
		}
	}
	return out
}

// remove drops an instance and returns it, nil when it was not there.
func (c *cache) remove(key string) *cached {
	e := c.entries[key]
	if e == nil {
		return nil
	}
	delete(c.entries, key)
	c.unlist(e)
	return e
}

// list makes a complete entry findable by its service.
func (c *cache) list(e *cached) {
	e.service = fold(EscapeName(e.entry.Service))
	c.services[e.service] = append(c.services[e.service], e)
	c.bytes += e.entry.size
}

func (c *cache) unlist(e *cached) {
	if e.entry == nil {
		return
	}
	c.bytes -= e.entry.size
	rest := slices.DeleteFunc(c.services[e.service], func(o *cached) bool { return o == e })
	if len(rest) == 0 {
		delete(c.services, e.service)
	} else {
		c.services[e.service] = rest
	}
}

func (e *cached) expires() time.Time { return e.learned.Add(e.ttl) }

func (e *cached) hasRecords() bool { return e.port != 0 && len(e.addrs) > 0 && e.hasText }

// merge takes over what a message says and reports whether it says anything new.
func (e *cached) merge(g *finding, now time.Time) bool {
	changed := false
	if g.HasSRV {
		changed = e.host != g.Host || e.port != g.Port
		e.host, e.port = g.Host, g.Port
	}
	if len(g.Addrs) > 0 && !slices.Equal(e.addrs, g.Addrs) {
		e.addrs, changed = slices.Clone(g.Addrs), true
	}
	if g.HasText && (!e.hasText || !slices.Equal(e.text, g.Text)) {
		e.text, e.reading, e.hasText, e.rejected, changed = g.Text, g.reading, true, false, true
	}
	e.learned = now
	if e.hasRecords() {
		e.ttl = min(time.Duration(g.TTL)*time.Second, maxTTL)
	} else {
		e.ttl = incompleteTTL
	}
	return changed
}
