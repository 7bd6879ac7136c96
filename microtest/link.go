package microtest

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Link is the way between two ends of a network, both ways. A link is whole and
// takes no time until it is told otherwise; what is set holds for connections that
// stand and for new ones. Its methods may be called concurrently.
type Link struct {
	a, b string

	mu      sync.Mutex
	cut     bool
	silent  bool
	delay   time.Duration
	changed chan struct{} // closed by the next change
	sockets map[*socket]struct{}
}

func newLink(a, b string) *Link {
	return &Link{a: a, b: b, changed: make(chan struct{}), sockets: map[*socket]struct{}{}}
}

// Cut resets the connections on the link and refuses new ones, as a machine does
// on which nobody listens any more.
func (l *Link) Cut() { l.change(func() { l.cut = true }) }

// Silence keeps everything that is sent on the link, as a network does that drops
// packets: nobody is told, and callers wait for their timeouts. Heal delivers it.
func (l *Link) Silence() { l.change(func() { l.silent = true }) }

// Delay has each message take d, in both directions: a call takes twice as long,
// and longer when it has to connect. Messages do not wait for each other.
func (l *Link) Delay(d time.Duration) { l.change(func() { l.delay = d }) }

// Heal ends Cut, Silence and Delay.
func (l *Link) Heal() { l.change(func() { l.cut, l.silent, l.delay = false, false, 0 }) }

func (l *Link) change(set func()) {
	l.mu.Lock()
	set()
	cut := l.cut
	close(l.changed)
	l.changed = make(chan struct{})
	l.mu.Unlock()
	if cut {
		l.reset(nil)
	}
}

// reset closes the sockets of a node, nil for all.
func (l *Link) reset(of *node) {
	l.mu.Lock()
	var sockets []*socket
	for s := range l.sockets {
		if of == nil || s.from == of || s.to == of {
			sockets = append(sockets, s)
		}
	}
	l.mu.Unlock()
	for _, s := range sockets {
		s.Close()
	}
}

// add notes a socket, unless the link is cut.
func (l *Link) add(s *socket) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return l.errCut()
	}
	l.sockets[s] = struct{}{}
	return nil
}

func (l *Link) remove(s *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.sockets, s)
}

func (l *Link) errCut() error {
	return fmt.Errorf("microtest: the link between %s and %s is cut", l.a, l.b)
}

// state is what holds at the moment, and the channel that tells of a change.
func (l *Link) state() (cut, silent bool, delay time.Duration, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cut, l.silent, l.delay, l.changed
}

// pass waits until a message has arrived.
func (l *Link) pass(ctx context.Context, sent time.Time) error {
	for {
		cut, silent, delay, changed := l.state()
		if cut {
			return l.errCut()
		}
		left := time.Until(sent.Add(delay))
		if !silent && left <= 0 {
			return nil
		}
		if err := wait(ctx, changed, silent, left); err != nil {
			return fmt.Errorf("microtest: between %s and %s: %w", l.a, l.b, err)
		}
	}
}

// wait waits for a change or, unless the link is silent, for the time left.
func wait(ctx context.Context, changed <-chan struct{}, silent bool, left time.Duration) error {
	var arrived <-chan time.Time
	if !silent {
		timer := time.NewTimer(left)
		defer timer.Stop()
		arrived = timer.C
	}
	select {
	case <-changed:
		return nil
	case <-arrived:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
