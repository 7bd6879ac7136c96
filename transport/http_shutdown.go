package transport

import (
	"context"
	"sync"
	"time"
)

// partingWait is how long a peer that was told to end its connection may take
// for that. What was written reaches it even if it does not.
const partingWait = time.Second

// Shutdown ends the connections after what was sent on them.
func (l *httpListener) Shutdown(ctx context.Context) error {
	if err := l.Drain(); err != nil {
		return err
	}
	var ending sync.WaitGroup
	for _, e := range l.muxEnds() {
		ending.Go(func() { e.conn.Shutdown(ctx) })
	}
	for _, s := range l.plainSockets() {
		ending.Go(func() { s.finish(ctx) })
	}
	if web := l.web.Load(); web != nil {
		ending.Go(func() { web.server.Shutdown(ctx) }) //nolint:errcheck // the error is that of ctx
	}
	ending.Wait()
	return ctx.Err()
}

// plainSockets lists the connections that are neither multiplexed nor served by
// net/http, which ends its own.
func (l *httpListener) plainSockets() []*httpSocket {
	l.mu.Lock()
	defer l.mu.Unlock()
	multiplexed := map[string]bool{}
	for c := range l.conns {
		if e, ok := c.(*muxEnd); ok {
			multiplexed[e.remote] = true
		}
	}
	var plain []*httpSocket
	for c := range l.conns {
		if s, ok := c.(*httpSocket); ok && !s.lent.Load() && !multiplexed[s.remote] {
			plain = append(plain, s)
		}
	}
	return plain
}

// finish ends a connection after what is being sent. A peer that has got a reply
// which says so ends it too: before that, an unread request would make the
// system reset the connection, and the peer lose the reply. A peer that had its
// last reply before may know nothing, and is not waited for.
func (s *httpSocket) finish(ctx context.Context) {
	defer context.AfterFunc(ctx, func() { s.Close() })()
	s.sendMu.Lock() // Close ends a Send that takes too long
	half, ok := s.conn.(interface{ CloseWrite() error })
	ok = ok && s.parting.Load() && half.CloseWrite() == nil
	s.sendMu.Unlock()
	if ok {
		limit := time.NewTimer(partingWait)
		defer limit.Stop()
		select {
		case <-s.done: // whoever receives has met the peer's end
		case <-limit.C:
		case <-ctx.Done():
		}
	}
	s.Close()
}
