package broker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

// findReceivers hands the messages to the receivers there are by now.
func (l *lane) findReceivers(versions []version) bool {
	o := l.outbox
	o.mu.Lock()
	var out []dropped
	if len(versions) > 0 {
		out = append(o.moveWaiting(l.key.topic, versions), o.keepWithinBytes()...)
	}
	found := len(l.items) == 0
	o.mu.Unlock()
	o.tell(out)
	return found
}

// nodes returns the lane's receivers in the order in which to try them: at
// random, but those that failed go last.
func (l *lane) nodes(versions []version) []*registry.Node {
	for _, v := range versions {
		if v.name != l.key.version {
			continue
		}
		if l.key.node != "" {
			i := slices.IndexFunc(v.nodes, func(n *registry.Node) bool { return n.Id == l.key.node })
			if i < 0 {
				return nil
			}
			return v.nodes[i : i+1]
		}
		if len(v.nodes) == 1 {
			return v.nodes
		}
		nodes := slices.Clone(v.nodes)
		rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
		slices.SortStableFunc(nodes, func(a, b *registry.Node) int {
			return l.failed[a.Id].Compare(l.failed[b.Id])
		})
		return nodes
	}
	return nil
}

// nodeGone is an attempt of a broadcast node that left. It will not come back,
// and what it was to get is only kept if nobody got it.
func (l *lane) nodeGone() bool {
	o := l.outbox
	o.mu.Lock()
	var out []dropped
	items, kept := l.takeAll(), 0
	for _, item := range items {
		item.fan.left--
		item.fan.attempts += item.attempts
		if item.fan.left == 0 && !item.fan.delivered {
			key := laneKey{topic: l.key.topic, version: broadcastVersion}
			out = append(out, o.push(key, laneItem{outgoing: item.outgoing, attempts: min(item.fan.attempts, maxAttempts-1)})...)
			kept++
		}
	}
	out = append(out, o.keepWithinBytes()...)
	o.mu.Unlock()
	if gone := len(items) - kept; gone > 0 {
		o.log(logger.InfoLevel, fmt.Sprintf("subscriber %s of topic %s is gone before it got %d messages", l.key.node, l.key.topic, gone))
	}
	o.tell(out)
	return true
}

// sendTo offers the first messages to the nodes, one after the other, until one
// takes some.
func (l *lane) sendTo(nodes []*registry.Node) bool {
	var all failures
	for _, n := range nodes {
		items := l.take(n)
		sent := l.outbox.hand(l.ctx, n, items)
		if sent.kind == broken {
			l.blame(sent.done, len(items))
		}
		if sent.done > 0 {
			delete(l.failed, n.Id)
			l.settle(sent.done)
			return true
		}
		if l.failed == nil || len(l.failed) > maxSenders {
			l.failed = map[string]time.Time{}
		}
		l.failed[n.Id] = time.Now()
		all.add(sent.failure)
		if l.ctx.Err() != nil || l.givenUp() {
			break
		}
	}
	return l.settleFailure(&all)
}

// blame counts an attempt for each message that may have ended the process
// which had them. They are sent alone from now on, so that those which are
// innocent are counted no further.
func (l *lane) blame(from, to int) {
	l.outbox.mu.Lock()
	defer l.outbox.mu.Unlock()
	for i := from; i < to; i++ {
		l.items[i].attempts++
	}
}

// givenUp tells whether the first message has had all its attempts.
func (l *lane) givenUp() bool {
	l.outbox.mu.Lock()
	defer l.outbox.mu.Unlock()
	return l.items[0].attempts >= maxAttempts
}

// take marks the first messages as being delivered and returns them: one, or
// several if the node takes batches and none of them has failed before.
func (l *lane) take(n *registry.Node) []laneItem {
	o := l.outbox
	most := o.atOnce(n)
	o.mu.Lock()
	defer o.mu.Unlock()
	count, size := 1, len(l.items[0].body)
	if l.items[0].attempts == 0 {
		for count < min(len(l.items), most) && l.items[count].attempts == 0 && size+len(l.items[count].body) <= maxBatchBytes {
			size += len(l.items[count].body)
			count++
		}
	}
	l.setInFlight(count)
	l.started = time.Now()
	l.signalRoom()
	return slices.Clone(l.items[:count])
}

func (l *lane) signalRoom() {
	if l.room != nil {
		close(l.room)
		l.room = nil
	}
}

// settle removes the messages that were delivered.
func (l *lane) settle(done int) {
	o := l.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	for range done {
		if item := l.remove(0); item.fan != nil {
			item.fan.delivered = true
		}
	}
	l.setInFlight(0)
	l.failing = false
}

// settleFailure keeps the messages for another attempt, or gives the first one
// up when its receivers will not have it. It reports whether to go on at once.
func (l *lane) settleFailure(f *failures) bool {
	o := l.outbox
	o.mu.Lock()
	l.setInFlight(0)
	first := &l.items[0]
	if f.answered() {
		first.attempts++
	}
	if f.final() || first.attempts >= maxAttempts {
		out := dropped{l.remove(0), l.key, f.err()}
		o.mu.Unlock()
		o.tell([]dropped{out})
		return true
	}
	if f.answered() {
		l.pause = min(l.pause, maxRetryAnswered/2)
	}
	o.mu.Unlock()
	l.setFailing(f.reason())
	return false
}
