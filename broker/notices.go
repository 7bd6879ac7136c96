package broker

import (
	"fmt"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/logger"
)

// noticeEvery is how often the log may be told the same of a receiver.
const noticeEvery = time.Second

// notices writes log lines about receivers: the first at once, and then at most
// one in noticeEvery of each level, which counts what it stands for.
type notices struct {
	write func(level logger.Level, line string)

	mu     sync.Mutex
	recent map[noticeKey]*recentNotice
	timers sync.WaitGroup
}

// noticeKey is what a notice is about.
type noticeKey struct {
	level    logger.Level
	receiver laneKey
}

// recentNotice is what happened since the last line.
type recentNotice struct {
	count  int
	reason error // the last
	timer  *time.Timer
}

// add writes a line about a receiver, or counts it for the next.
func (n *notices) add(key noticeKey, reason error) {
	if n.count(key, reason) {
		n.write(key.level, fmt.Sprintf("%s: %v", key.receiver, reason))
	}
}

// count reports whether the line is the first for a while.
func (n *notices) count(key noticeKey, reason error) (first bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r := n.recent[key]; r != nil {
		r.count++
		r.reason = reason
		return false
	}
	if n.recent == nil {
		n.recent = map[noticeKey]*recentNotice{}
	}
	r := new(recentNotice)
	n.recent[key] = r
	n.timers.Add(1)
	r.timer = time.AfterFunc(noticeEvery, func() { n.expire(key, r) })
	return true
}

// expire writes what was counted since the last line, and forgets the receiver
// when there is nothing.
func (n *notices) expire(key noticeKey, r *recentNotice) {
	counted := n.writeCounted(key, r)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.recent[key] == r && (counted || r.count > 0) {
		r.timer.Reset(noticeEvery)
		return
	}
	if n.recent[key] == r { // else it was flushed meanwhile
		delete(n.recent, key)
	}
	n.timers.Done()
}

// flush writes everything that was counted, and waits for lines being written.
func (n *notices) flush() {
	n.mu.Lock()
	all := n.recent
	n.recent = nil
	for _, r := range all {
		if r.timer.Stop() {
			n.timers.Done()
		}
	}
	n.mu.Unlock()
	for key, r := range all {
		n.writeCounted(key, r)
	}
	n.timers.Wait()
}

// writeCounted reports whether there was anything to write.
func (n *notices) writeCounted(key noticeKey, r *recentNotice) bool {
	n.mu.Lock()
	count, reason := r.count, r.reason
	r.count = 0
	n.mu.Unlock()
	if count > 0 {
		n.write(key.level, fmt.Sprintf("%s: %d times more since the last line, at last: %v", key.receiver, count, reason))
	}
	return count > 0
}
