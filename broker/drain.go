package broker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// idle tells whether there is nothing to drain.
func (o *outbox) idle() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.stopped || len(o.lanes) == 0
}

// drain ends all senders: each delivers what it can until the deadline and ends
// at its first failure. The error counts the messages left, by topic. They stay
// in the outbox for resume.
func (o *outbox) drain(deadline time.Time) error {
	o.mu.Lock()
	if o.stopped {
		o.mu.Unlock()
		return nil
	}
	o.stopped = true
	close(o.leaving)
	abort := o.abort
	o.mu.Unlock()

	timer := time.AfterFunc(time.Until(deadline), abort)
	o.running.Wait()
	timer.Stop()
	abort()
	o.notices.flush()
	return o.undelivered()
}

// resume accepts messages again after a drain, and sends what was left.
func (o *outbox) resume() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.stopped {
		return
	}
	o.begin()
	for _, l := range o.lanes {
		l.start()
	}
}

// UndeliveredError is what Disconnect of the http broker returns when messages
// are left in its outbox. They are sent if the broker is connected again.
type UndeliveredError struct {
	// Topics counts the messages left, by topic.
	Topics map[string]int
}

func (e *UndeliveredError) Error() string {
	var parts []string
	for _, topic := range slices.Sorted(maps.Keys(e.Topics)) {
		parts = append(parts, fmt.Sprintf("topic %s: %d", topic, e.Topics[topic]))
	}
	return "messages were not delivered: " + strings.Join(parts, ", ")
}

func (o *outbox) undelivered() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	counts := map[string]int{}
	seen := map[*outgoing]bool{}
	for _, l := range o.lanes {
		for _, item := range l.items {
			if !seen[item.outgoing] {
				seen[item.outgoing] = true
				counts[item.topic]++
			}
		}
	}
	if len(counts) == 0 {
		return nil
	}
	return &UndeliveredError{Topics: counts}
}
