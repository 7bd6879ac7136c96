package client

import (
	"context"
	"slices"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/registry"
)

// maxReplay is how many bytes of messages, encoded, a stream keeps so that it can
// be opened at another node when the first one turns out to have refused it.
const maxReplay = 64 << 10

// reopening is what it takes to open a stream at another node: one that shuts down
// refuses streams that reach it too late, and has executed nothing of them. It is
// kept until the first message arrives, and guarded by the stream's sending.
type reopening struct {
	first    *wire.Request // the message that opens the stream
	settings *settings
	nodes    picker
	options  CallOptions
	leave    func()   // tells the selector that the stream has left its node
	bodies   [][]byte // of the messages that were sent, in order
	size     int
	over     bool // more was sent than is kept
}

// prepare notes how a stream was opened.
func (r *reopening) prepare(s *settings, nodes picker, opts CallOptions) {
	r.settings, r.nodes, r.options = s, nodes, opts
}

// keep keeps a message that is sent. It may be called on nil.
func (r *reopening) keep(body []byte) {
	if r == nil || r.over {
		return
	}
	if r.size += len(body); r.size > maxReplay {
		r.stop()
		return
	}
	r.bodies = append(r.bodies, slices.Clone(body))
}

// stop keeps nothing any more. It may be called on nil.
func (r *reopening) stop() {
	if r != nil {
		r.over, r.first, r.bodies = true, nil, nil
	}
}

// usable reports whether the stream can be opened again. It may be called on nil.
func (r *reopening) usable() bool { return r != nil && !r.over && r.settings != nil }

// reopening returns what it takes to open the stream again, nil when that cannot
// be done any more.
func (s *rpcStream) reopening() *reopening {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.retry
}

// reopenFor is reopen for the one who receives, who got cause from conn. It is true
// when there is another connection to receive from, which another goroutine may
// have brought about.
func (s *rpcStream) reopenFor(conn any, cause error) bool {
	s.sending.Lock()
	defer s.sending.Unlock()
	if current, _ := s.connection(); any(current) != conn {
		return true
	}
	return notSent(cause) && s.reopen(cause) == nil
}

// reopen opens the stream at another node, after cause, which says that nothing of
// it was executed, and sends what was sent before. It returns cause if that cannot
// be done. The caller holds sending.
func (s *rpcStream) reopen(cause error) error {
	r := s.reopening()
	if !r.usable() || s.over() != nil {
		return cause
	}
	call := newCallContext(s.ctx, s.request.Request, r.options.RequestTimeout)
	call.opening = &opening{}
	defer call.end()
	r.nodes.ctx = call
	if node := r.nodes.last; node != nil {
		r.nodes.failed(node)
	}
	attempt := func(ctx context.Context, node *registry.Node, _ Request, _ any, opts CallOptions) error {
		s.closeConn()
		if err := s.dial(r.settings, ctx, r.settings.verified(s.request.Request, node), opts); err != nil {
			callOf(ctx).report(refused)
			return failure(clientID, "connection error: ", err)
		}
		return s.replay(ctx, r)
	}
	if err := r.settings.run(call, &r.nodes, s.request.Request, nil, r.options, attempt); err != nil {
		return cause
	}
	r.leave()
	r.leave = r.settings.follow(s.ctx, call.opening, s)
	return nil
}

// replay sends messages that were sent before.
func (s *rpcStream) replay(ctx context.Context, r *reopening) error {
	stop := context.AfterFunc(ctx, s.closeConn)
	defer stop()
	s.first = r.first
	if deadline, ok := s.ctx.Deadline(); ok && r.first.Left > 0 {
		r.first.Left = max(1, time.Until(deadline))
	}
	for _, body := range r.bodies {
		if err := s.send(body); err != nil {
			outcome := reached
			if notSent(err) {
				outcome = refused
			}
			callOf(ctx).report(outcome)
			return failure(transportID, "", err)
		}
	}
	callOf(ctx).report(reached)
	return nil
}

// dial connects the stream to an address.
func (s *rpcStream) dial(st *settings, ctx context.Context, addr string, opts CallOptions) error {
	conn, err := st.dialStream(ctx, addr, opts)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn, s.closed = conn, false
	s.carrier, _ = conn.(wire.Carrier)
	if !s.coder.Headerless() {
		s.carrier = nil
	}
	if s.carrier == nil && s.header == nil {
		s.header = wire.FieldMap(s.fields)
	}
	return nil
}
