package broker

import (
	"container/list"
	"sync"
)

// memoryTopic holds the subscribers of a topic. To add or remove one costs the
// same however many there are: the list that Publish goes through is made by the
// first Publish after a change. The broker's mu guards it.
type memoryTopic struct {
	groups *list.List // of *memoryGroup, in the order of their first members
	queues map[string]*memoryGroup
	inTurn []*memoryGroup // groups as Publish uses them, never changed; nil after a change
}

// memoryGroup is a queue group, or one subscriber without a queue.
type memoryGroup struct {
	place *list.Element

	mu      sync.Mutex // only for queue groups: a single subscriber never changes
	queue   string
	members []*memorySubscriber
	turn    uint
}

func newMemoryTopic() *memoryTopic {
	return &memoryTopic{groups: list.New(), queues: map[string]*memoryGroup{}}
}

func (t *memoryTopic) add(s *memorySubscriber) {
	queue := s.opts.Queue
	if g := t.queues[queue]; g != nil {
		g.add(s)
		return
	}
	g := &memoryGroup{queue: queue}
	g.add(s)
	g.place = t.groups.PushBack(g)
	if queue != "" {
		t.queues[queue] = g
	}
	t.inTurn = nil
}

func (t *memoryTopic) remove(s *memorySubscriber) {
	if left := s.group.remove(s); left > 0 {
		return
	}
	t.groups.Remove(s.group.place)
	delete(t.queues, s.group.queue)
	t.inTurn = nil
}

// list returns the groups for Publish.
func (t *memoryTopic) list() []*memoryGroup {
	if t.inTurn == nil {
		t.inTurn = make([]*memoryGroup, 0, t.groups.Len())
		for e := t.groups.Front(); e != nil; e = e.Next() {
			t.inTurn = append(t.inTurn, e.Value.(*memoryGroup))
		}
	}
	return t.inTurn
}

func (g *memoryGroup) add(s *memorySubscriber) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.group, s.place = g, len(g.members)
	g.members = append(g.members, s)
}

// remove returns how many members are left. The last takes the place of the one
// that leaves. A single subscriber stays: who still has the group finds that it
// has ended.
func (g *memoryGroup) remove(s *memorySubscriber) (left int) {
	if g.queue == "" {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	last := len(g.members) - 1
	moved := g.members[last]
	g.members[s.place], moved.place = moved, s.place
	g.members[last] = nil
	g.members = g.members[:last]
	return last
}

// next returns whose turn it is.
func (g *memoryGroup) next() uint {
	if g.queue == "" {
		return 0
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn++
	return g.turn - 1
}

// member returns the i-th member from the one whose turn it is, nil when all have
// been asked.
func (g *memoryGroup) member(turn, i uint) *memorySubscriber {
	if g.queue == "" {
		return g.only(i)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := uint(len(g.members)); i < n {
		return g.members[(turn+i)%n]
	}
	return nil
}

func (g *memoryGroup) only(i uint) *memorySubscriber {
	if i > 0 {
		return nil
	}
	return g.members[0]
}
