package redis

import "slices"

// topic is a channel that is subscribed to.
type topic struct {
	ready  chan struct{} // closed when the server knows
	known  bool
	groups []*laneGroup
}

// laneGroup is a queue group within this broker, or one subscriber without a queue.
type laneGroup struct {
	queue   string
	members []*lane
	turn    int
}

// confirm notes that the server knows of the subscription.
func (t *topic) confirm() {
	if !t.known {
		t.known = true
		close(t.ready)
	}
}

// group returns the group of a queue, or nil.
func (t *topic) group(queue string) *laneGroup {
	for _, g := range t.groups {
		if g.queue == queue {
			return g
		}
	}
	return nil
}

func (t *topic) add(q *lane) {
	if q.opts.Queue != "" {
		if g := t.group(q.opts.Queue); g != nil {
			g.members = append(g.members, q)
			return
		}
	}
	t.groups = append(t.groups, &laneGroup{queue: q.opts.Queue, members: []*lane{q}})
}

// remove takes the lane of a subscriber out, and returns it.
func (t *topic) remove(s *subscriber) *lane {
	for i, g := range t.groups {
		at := slices.IndexFunc(g.members, func(q *lane) bool { return q.subscriber == s })
		if at < 0 {
			continue
		}
		q := g.members[at]
		g.members = slices.Delete(g.members, at, at+1)
		if len(g.members) == 0 {
			t.groups = slices.Delete(t.groups, i, i+1)
		}
		return q
	}
	return nil
}

// next returns the member whose turn it is, other than one.
func (g *laneGroup) next(other *lane) *lane {
	for range g.members {
		q := g.members[g.turn%len(g.members)]
		g.turn = (g.turn + 1) % len(g.members)
		if q != other {
			return q
		}
	}
	return nil
}
