package events

import (
	"slices"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/logger"
)

const (
	// groupQueue is how many events wait in memory for a group's consumers;
	// further ones are read from the history when it is their turn.
	groupQueue = 1024
	// consumerQueue is how many events are assigned to a consumer ahead.
	consumerQueue = 16
	// maxUnacked is how many events a consumer may leave unacknowledged before
	// it gets no further ones.
	maxUnacked = 1024
	// catchUp is how many events are read from the history at a time.
	catchUp = 256
)

// delivery is one event on its way through a group.
type delivery struct {
	event    *Event
	seq      uint64
	tries    int // deliveries so far
	acked    bool
	deadline time.Time // for the acknowledgement
}

// group shares the events of a topic among its consumers. Its queue holds the
// events from some place of the topic's history on without a gap; when the
// queue is full the group is behind, and later events are only in the history.
type group struct {
	stream *memoryStream
	topic  *topicHistory
	name   string

	mu        sync.Mutex
	consumers []*consumer
	turn      int
	retries   []*delivery // before the queue
	queue     []*delivery
	behind    bool
	place     uint64 // of the next event to read from the history, when behind
	catching  bool   // a consumer is reading it
	gone      bool   // the last consumer left
}

// push offers a new event. The stream's mu is held.
func (g *group) push(e *Event, seq uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.behind:
	case len(g.queue) >= groupQueue:
		g.behind, g.place = true, seq
	default:
		g.queue = append(g.queue, &delivery{event: e, seq: seq})
		g.distribute()
	}
}

// reached returns the place of the first event that no consumer of the group
// was given yet. The stream's mu is held.
func (g *group) reached(isNew bool) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !isNew && len(g.queue) > 0:
		return g.queue[0].seq
	case !isNew && g.behind:
		return g.place
	}
	return g.topic.next()
}

func (g *group) join(c *consumer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.consumers = append(g.consumers, c)
	g.distribute()
}

// leave takes a consumer out. What it was given and has not acknowledged goes
// to the others. The group ends with its last consumer.
func (g *group) leave(c *consumer) {
	s := g.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.consumers, c)
	g.consumers = slices.Delete(g.consumers, i, i+1)
	if len(g.consumers) == 0 {
		g.gone = true
		g.queue, g.retries = nil, nil
		delete(g.topic.groups, g.name)
		s.history.release(g.topic)
		return
	}
	back := append(slices.Clone(c.unacked), c.queue...)
	back = slices.DeleteFunc(back, func(d *delivery) bool { return d.acked })
	slices.SortFunc(back, func(a, b *delivery) int { return int(int64(a.seq) - int64(b.seq)) })
	g.retries = append(back, g.retries...)
	c.queue, c.unacked = nil, nil
	g.distribute()
}

// distribute assigns waiting events to the consumers in turn, passing over
// those that have no room. mu is held.
func (g *group) distribute() {
	for len(g.retries)+len(g.queue) > 0 {
		c := g.nextWithRoom()
		if c == nil {
			return
		}
		var d *delivery
		if len(g.retries) > 0 {
			d, g.retries = g.retries[0], g.retries[1:]
		} else {
			d, g.queue[0] = g.queue[0], nil
			g.queue = g.queue[1:]
		}
		if !d.acked {
			c.queue = append(c.queue, d)
			c.signal()
		}
	}
	if g.behind && !g.catching {
		if i := slices.IndexFunc(g.consumers, (*consumer).hasRoom); i >= 0 {
			g.consumers[i].signal() // somebody has to read on
		}
	}
}

func (g *group) nextWithRoom() *consumer {
	for range g.consumers {
		c := g.consumers[g.turn%len(g.consumers)]
		g.turn = (g.turn + 1) % len(g.consumers)
		if c.hasRoom() {
			return c
		}
	}
	return nil
}

// hasRoom tells whether the group may assign another event. mu is held.
func (c *consumer) hasRoom() bool {
	return !c.replaying && len(c.queue) < consumerQueue && len(c.unacked) < maxUnacked
}

// needsCatchUp tells whether the queue is to be filled from the history, and
// claims the work for the caller. mu is held.
func (g *group) needsCatchUp() bool {
	if !g.behind || g.catching || len(g.queue) > 0 || g.gone {
		return false
	}
	g.catching = true
	return true
}

// catchUp fills the queue from the history. The caller has claimed the work.
func (g *group) catchUp() {
	s := g.stream
	s.mu.Lock()
	g.mu.Lock()
	found, first, gone := g.topic.from(g.place, catchUp)
	for i, event := range found {
		g.queue = append(g.queue, &delivery{event: event, seq: first + uint64(i)})
	}
	g.place = first + uint64(len(found))
	g.behind = g.place < g.topic.next()
	g.catching = false
	g.distribute()
	g.mu.Unlock()
	s.mu.Unlock()
	if gone > 0 {
		s.opts.Logger.Logf(logger.ErrorLevel, "group %s of topic %s fell behind the history: %d events lost", g.name, g.topic.name, gone)
	}
}
