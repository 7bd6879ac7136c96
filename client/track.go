package client

import (
	"context"
	stderrors "errors"

	frame "github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// opening is what is known of a stream that is being opened.
type opening struct {
	service string
	node    *registry.Node
	static  bool
	done    func() // tells the selector that the stream has ended; nil if it does not care
}

// track tells a selector that takes account of load that an attempt begins. The
// function returned ends it; it is nil when there is nothing to do.
func (s *settings) track(ctx *callContext, nodes *picker, node *registry.Node) func(error) {
	if ctx.opening != nil {
		return s.trackStream(ctx.opening, nodes, node)
	}
	if s.tracker == nil || nodes.static {
		return nil
	}
	return s.tracker.Begin(nodes.service, node)
}

// trackStream is track for an attempt to open a stream, which goes on counting
// when it succeeds.
func (s *settings) trackStream(o *opening, nodes *picker, node *registry.Node) func(error) {
	*o = opening{service: nodes.service, node: node, static: nodes.static}
	if nodes.static {
		return nil
	}
	switch t := s.tracker.(type) {
	case nil:
		return nil
	case selector.StreamTracker:
		o.done = t.BeginStream(nodes.service, node)
	default:
		done := t.Begin(nodes.service, node)
		o.done = func() { done(nil) }
	}
	return func(err error) {
		if err != nil {
			o.done()
		}
	}
}

// follow tells the selector how a stream that was opened ends: with ctx, or when
// leave is called because it goes on at another node.
func (s *settings) follow(ctx context.Context, o *opening, stream *rpcStream) (leave func()) {
	_, limited := ctx.Deadline()
	if o.done == nil && (o.static || !limited) {
		return func() {}
	}
	stop := context.AfterFunc(ctx, func() {
		if o.done != nil {
			o.done()
		}
		err := ctx.Err()
		if !o.static && stderrors.Is(err, context.DeadlineExceeded) && stream.Response().Header() == nil {
			s.opts.Selector.Mark(o.service, o.node, s.silent(o.service, o.node, err))
		}
	})
	return func() {
		if stop() && o.done != nil {
			o.done()
		}
	}
}

// probed is the endpoint that is called to see whether a node answers. All
// services have it, and its absence is an answer as well.
const probed = "Debug.Health"

// silent is err, of an attempt that ended before anything came back from node,
// together with a way to find out whether anything comes back at all.
func (s *settings) silent(service string, node *registry.Node, err error) error {
	return selector.Silent(err, func(ctx context.Context) error { return s.probe(ctx, service, node) })
}

// probe asks node for a sign of life, over a connection of its own: the one in
// use may be what does not work.
func (s *settings) probe(ctx context.Context, service string, node *registry.Node) error {
	req := newRequest(service, probed, &frame.Frame{Data: []byte("{}")}, "application/json", nil)
	call := newCallContext(ctx, req, 0)
	err := s.bare(call, node, req, nil, CallOptions{ConnClose: true})
	switch call.takeOutcome() {
	case refused, reached:
		return err
	default: // answered, be it with an error, or there is no way to ask
		return nil
	}
}
