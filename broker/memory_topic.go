package broker

import "sync"

// memoryTopic holds the subscribers of a topic. To add or remove one costs the
// same however many there are: the list that Publish goes through is made by the
// first Publish after a change. The broker's mu guards it.
type memoryTopic struct {
	groups []*memoryGroup // in the order of their first members; nil where one has left
	left   int            // so many are nil
	queues map[string]*memoryGroup
	inTurn []*memoryGroup // groups as Publish uses them, never changed; nil after a change
}

// memoryGroup is a queue group, or one subscriber without a queue.
type memoryGroup struct {
	place int // among the groups

	mu      sync.Mutex // only for queue groups: a single subscriber never changes
	queue   string
	members []*memorySubscriber
	turn    uint
}

func newMemoryTopic() *memoryTopic { return &memoryTopic{queues: map[string]*memoryGroup{}} }

func (t *memoryTopic) add(s *memorySubscriber) {
	queue := s.opts.Queue
	if g := t.queues[queue]; g != nil {
		g.add(s)
		return
	}
	g := &memoryGroup{queue: queue, place: len(t.groups)}
	g.add(s)
	t.groups = append(t.groups, g)
	if queue != "" {
		t.queues[queue] = g
	}
	t.inTurn = nil
}

func (t *memoryTopic) remove(s *memorySubscriber) {
	if left := s.group.remove(s); left > 0 {
		return
	}
	t.groups[s.group.place] = nil
	delete(t.queues, s.group.queue)
	t.inTurn = nil
	if t.left++; t.left > len(t.groups)/2 {
		t.groups, t.left = t.list(), 0
		for i, g := range t.groups {
			g.place = i
		}
		t.inTurn = nil // from now on it is groups that changes
	}
}

func (t *memoryTopic) isEmpty() bool { return len(t.groups) == t.left }

// list returns the groups for Publish.
func (t *memoryTopic) list() []*memoryGroup {
	if t.inTurn == nil {
		t.inTurn = make([]*memoryGroup, 0, len(t.groups)-t.left)
		for _, g := range t.groups {
			if g != nil {
				t.inTurn = append(t.inTurn, g)
			}
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

// member returns the first member from the one whose turn it is that has not
// unsubscribed and was not asked, nil when there is none. The members of now count:
// places move when somebody leaves.
func (g *memoryGroup) member(turn uint, asked map[*memorySubscriber]bool) *memorySubscriber {
	if g.queue != "" {
		g.mu.Lock()
		defer g.mu.Unlock()
	}
	n := uint(len(g.members))
	for i := range n {
		s := g.members[(turn+uint(len(asked))+i)%n]
		if !s.ended.Load() && !asked[s] {
			return s
		}
	}
	return nil
}
