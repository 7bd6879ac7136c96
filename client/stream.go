package client

import (
	"context"
	"time"

	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// Stream opens a stream on a connection of its own.
func (c *rpcClient) Stream(ctx context.Context, req Request, opts ...CallOption) (Stream, error) {
	if err := callable(ctx, req); err != nil {
		return nil, err
	}
	s := c.settings.Load()
	options := s.opts.CallOptions
	if len(opts) > 0 {
		options = options.with(opts)
	}
	streamCtx, cancel := streamContext(ctx, options.StreamTimeout)
	call := newCallContext(streamCtx, req, options.RequestTimeout)
	call.opening = &opening{}
	defer call.end()
	nodes, proxied, err := s.nodes(call, req, &options)
	if err != nil {
		cancel()
		return nil, err
	}
	if proxied {
		options.Retries = 0
	}
	var stream *rpcStream
	attempt := func(ctx context.Context, node *registry.Node, req Request, _ any, opts CallOptions) error {
		var err error
		stream, err = s.open(ctx, node, req, opts)
		return err
	}
	if err := s.run(call, &nodes, req, nil, options, attempt); err != nil {
		cancel()
		return nil, err
	}
	stream.retry.prepare(s, nodes, options)
	stream.watch(streamCtx, cancel)
	stream.retry.leave = s.follow(streamCtx, call.opening, stream)
	return stream, nil
}

// streamContext returns the context of a stream that may last for limit.
func streamContext(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit > 0 {
		return context.WithTimeout(ctx, limit)
	}
	return context.WithCancel(ctx)
}

// open makes one attempt to open a stream: it dials node and sends the body of
// req as the first message.
func (s *settings) open(ctx context.Context, node *registry.Node, req Request, opts CallOptions) (*rpcStream, error) {
	stream, err := s.newStream(ctx, node, req, opts)
	if err != nil {
		return nil, failure(clientID, "", err)
	}
	if err := stream.dial(s, ctx, s.verified(req, node), opts); err != nil {
		stream.releaseCoder()
		callOf(ctx).report(refused)
		if contextErr := ended(ctx); contextErr != nil {
			return nil, callTimeout(ctx, contextErr)
		}
		return nil, failure(clientID, "connection error: ", err)
	}
	if err := stream.sendFirst(ctx); err != nil {
		stream.closeConn()
		stream.releaseCoder()
		return nil, err
	}
	return stream, nil
}

// dialStream dials without ConnectionTimeout: DialTimeout and the context are
// the limits of a stream.
func (s *settings) dialStream(ctx context.Context, addr string, opts CallOptions) (transport.Client, error) {
	return s.opts.Transport.Dial(addr, func(o *transport.DialOptions) {
		o.Stream = true
		o.Context = ctx
		o.Timeout = max(0, opts.DialTimeout)
		if deadline, ok := ctx.Deadline(); ok {
			left := max(1, time.Until(deadline))
			if o.Timeout == 0 || left < o.Timeout {
				o.Timeout = left
			}
		}
	})
}

// newStream prepares a stream to node.
func (s *settings) newStream(ctx context.Context, node *registry.Node, req Request, opts CallOptions) (*rpcStream, error) {
	format, contentType, err := s.formatFor(node, req.ContentType())
	if err != nil {
		return nil, err
	}
	id := s.client.nextID()
	name := wire.FormatID(id)
	fields := appendHeaders(make([]wire.Field, 0, 12), ctx, req, contentType)
	fields = append(fields, wire.Field{Name: headers.Stream, Value: name})
	first := &wire.Request{ID: id, Fields: fields}
	if deadline, ok := ctx.Deadline(); ok && opts.StreamTimeout > 0 {
		first.Left = max(1, time.Until(deadline))
	}
	stream := &rpcStream{id: name, coder: format.Coder(), first: first, fields: first.AppendAll(nil), retry: &reopening{first: first}}
	stream.request = streamRequest{Request: req, stream: stream}
	stream.response.stream = stream
	return stream, nil
}

// sendFirst sends the body of the request. The end of ctx breaks the
// connection.
func (s *rpcStream) sendFirst(ctx context.Context) error {
	stop := context.AfterFunc(ctx, s.closeConn)
	defer stop()
	err := s.write(s.request.Body())
	switch {
	case err == nil:
		callOf(ctx).report(reached)
		return nil
	case s.lost:
		callOf(ctx).report(refused)
	default:
		callOf(ctx).report(reached)
	}
	if contextErr := ended(ctx); contextErr != nil {
		return callTimeout(ctx, contextErr)
	}
	return err
}
