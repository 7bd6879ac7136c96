package server

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/logger"
)

// idleLimit is how long nothing may happen on a stream of a draining server.
const idleLimit = 5 * time.Second

// activity is what is known about a call without asking its handler.
type activity struct {
	streams atomic.Bool  // further messages are expected
	moved   atomic.Int64 // counts messages sent and received
	working atomic.Bool  // the handler has a message that it has not answered yet
	ended   atomic.Bool  // somebody has sent the last message, or is about to

	answering sync.WaitGroup // whoever sends it in place of the handler
}

// took notes that the handler has received a message.
func (a *activity) took() {
	a.moved.Add(1)
	a.working.Store(true)
}

// gave notes that the handler has sent a message.
func (a *activity) gave() {
	a.moved.Add(1)
	a.working.Store(false)
}

// takeNext receives the next message of a stream.
func (k *call) takeNext() (inbound, error) {
	k.activity.working.Store(false)
	m, err := k.source.take(&k.ctx)
	if err == nil {
		k.activity.took()
	}
	return m, err
}

// isIdle reports whether a call is a stream whose handler waits for a message,
// or for something outside, and has left none unanswered.
func (k *call) isIdle() bool {
	if k.source == nil || k.activity.working.Load() {
		return false
	}
	return k.isStream() && k.source.isWaiting()
}

// isStream reports whether the call is a stream, as far as is known by now.
func (k *call) isStream() bool {
	return k.activity.streams.Load() || k.settings.router != nil && k.streamID != ""
}

// opensStream reports whether the caller wants a stream.
func (k *call) opensStream() bool {
	if k.exchange != nil {
		return !k.single
	}
	return k.streamID != ""
}

// isWaiting reports whether messages may come and none is there.
func (q *inbox) isWaiting() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.single && !q.ended && q.next == len(q.queue)
}

// cut ends a call, whatever its handler does: the context is cancelled, and the
// caller is sent cause at once, or, if the handler is sending, in place of its
// error.
func (k *call) cut(cause stopError) {
	k.activity.answering.Add(1) // before the claim, for those who lose to it
	if !k.claimEnd() {
		k.activity.answering.Done()
		k.fail(cause)
		return
	}
	k.fail(cause)
	k.run.answers.Go(func() {
		defer k.activity.answering.Done()
		_ = k.sendError(cause) // nobody is left who could be told that it failed
	})
}

// claimEnd reports whether the last message of the call is the caller's to send.
func (k *call) claimEnd() bool { return k.activity.ended.CompareAndSwap(false, true) }

// takesNoMore reports whether a message must not be sent any more: after the
// last one of a stream, and after the only one of any other call. The caller
// holds writing.
func (k *call) takesNoMore(t codec.MessageType) bool {
	if t == codec.Error {
		return k.over || k.replied && !k.isStream()
	}
	return k.over || k.activity.ended.Load()
}

// idleStreams finds the streams on which nothing happens.
type idleStreams struct {
	run   *run
	seen  map[*call]sight
	cause stopError
}

// sight is what a stream looked like when it was last seen to change.
type sight struct {
	moved int64
	since time.Time
}

func newIdleStreams(r *run) *idleStreams {
	o := &r.server.settings.Load().options
	s := &idleStreams{run: r, seen: map[*call]sight{}, cause: cutError(o.Name+"-"+o.Id, "the stream was idle")}
	s.cut(time.Now())
	return s
}

// cut cuts the streams that have been idle for too long.
func (s *idleStreams) cut(now time.Time) {
	seen, n := map[*call]sight{}, 0
	for _, c := range s.run.connections() {
		for _, k := range c.openCalls() {
			if !k.isIdle() {
				continue
			}
			last, ok := s.seen[k]
			if moved := k.activity.moved.Load(); !ok || last.moved != moved {
				last = sight{moved, now}
			}
			seen[k] = last
			if now.Sub(last.since) >= idleLimit && k.ctx.Err() == nil {
				k.cut(s.cause)
				n++
			}
		}
	}
	s.seen = seen
	if n > 0 {
		logger.LoggerOrDefault(s.run.logger()).Logf(logger.InfoLevel, "server: ended %d idle streams: their clients go on with another node", n)
	}
}

// Draining reports whether the server that called a handler or subscriber with
// ctx is being stopped. Long work should then come to an end, and streams
// should be finished: see the Server's Stop.
func Draining(ctx context.Context) bool {
	s, _ := FromContext(ctx)
	own, ok := s.(*rpcServer)
	if !ok {
		return false
	}
	r := own.running()
	return r == nil || r.draining.Load()
}
