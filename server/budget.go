package server

import (
	"context"
	"errors"
	"time"
)

const (
	// maxPart is the longest time that Stop keeps for each of the steps before
	// and after the waiting.
	maxPart = 5 * time.Second
	// hurryGrace is how long calls of code that is not the server's may still
	// take when Stop is told to hurry.
	hurryGrace = time.Second
)

// errTimeOver is why calls of code that is not the server's are given up.
var errTimeOver = errors.New("the time for it in Server.Stop is over")

// budget is the time that Stop may take. Deregistering, and everything after
// the waiting, has a part of it that the waiting cannot use up.
type budget struct {
	total time.Duration
	part  time.Duration
	end   time.Time // of everything; while waiting without a limit it is not in force
	wait  time.Duration
	free  bool // waiting has no limit
}

func newBudget(o *Options) *budget {
	b := &budget{total: o.StopTimeout}
	wait, limited := o.drainLimit()
	b.wait, b.free = wait, !limited
	if b.total <= 0 {
		b.total = DefaultStopTimeout
		if o.DrainTimeout > 0 { // which nobody has limited
			b.total = max(b.total, o.DrainTimeout+2*maxPart)
		}
	} else if b.free {
		b.wait, b.free = b.total, false
	}
	b.part = min(b.total/5, maxPart)
	b.end = time.Now().Add(b.total)
	return b
}

// waitEnd is when the waiting for requests ends, if it is not free.
func (b *budget) waitEnd() time.Time {
	end := time.Now().Add(b.wait)
	if last := b.end.Add(-b.part); end.After(last) {
		return last
	}
	return end
}

// waited is told that the waiting is over.
func (b *budget) waited() {
	if b.free {
		b.end = time.Now().Add(b.total)
	}
}

// until returns a context for calls of code that is not the server's. It ends
// at t, or a little after Stop was told to hurry.
func (r *run) until(t time.Time) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithDeadlineCause(context.Background(), t, errTimeOver)
	stop := context.AfterFunc(r.hurried, func() { time.AfterFunc(hurryGrace, cancel) })
	return ctx, func() { stop(); cancel() }
}
