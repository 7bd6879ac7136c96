package client

import (
	"context"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// Call makes a call from end to end in the calling goroutine.
func (c *rpcClient) Call(ctx context.Context, req Request, rsp any, opts ...CallOption) error {
	s := c.settings.Load()
	options, attempt := s.opts.CallOptions, s.attempt
	if len(opts) > 0 {
		options = options.with(opts)
		attempt = wrapped(s.bare, options.CallWrappers)
	}
	nodes, _, err := s.nodes(req, &options)
	if err != nil {
		return err
	}
	if deadline, ok := ctx.Deadline(); ok {
		options.RequestTimeout = time.Until(deadline)
	}
	callCtx := newCallContext(ctx, options.RequestTimeout)
	defer callCtx.end()
	return s.run(callCtx, &nodes, req, rsp, options, attempt)
}

// run makes attempts until one succeeds or no further one is allowed.
func (s *settings) run(ctx *callContext, nodes *picker, req Request, rsp any, opts CallOptions, attempt CallFunc) error {
	if err := ended(ctx.Context); err != nil { // its own deadline is still to come
		return timeoutError(contextText(ctx, err))
	}
	atOnce := false
	for i := 0; ; i++ {
		if !atOnce {
			if err := wait(ctx, req, i, opts.Backoff); err != nil {
				return err
			}
		}
		node, err := nodes.pick()
		nobody := false
		if err == nil {
			nobody, err = s.try(ctx, nodes, node, req, rsp, opts, attempt)
		}
		if err == nil || ended(ctx) != nil {
			return err
		}
		if atOnce = nobody && i < opts.Retries && nodes.another(); atOnce {
			continue
		}
		again, retryErr := mayRetry(ctx, req, i, err, opts.Retry)
		if retryErr != nil {
			return retryErr
		}
		if !again || i >= opts.Retries {
			return err
		}
	}
}

// try makes one attempt at node and tells the selector how it went. It reports
// whether the attempt failed without reaching a handler.
func (s *settings) try(ctx *callContext, nodes *picker, node *registry.Node, req Request, rsp any, opts CallOptions, attempt CallFunc) (nobody bool, err error) {
	var done func(error)
	if s.tracker != nil && !nodes.static {
		done = s.tracker.Begin(nodes.service, node)
	}
	ctx.lost.Store(false)
	err = attempt(ctx, node, req, rsp, opts)
	nobody = ctx.reachedNobody() && err != nil
	if done != nil {
		done(err)
	}
	verdict := err
	if nobody && ended(ctx) == nil {
		verdict = selector.Unreachable(err)
	}
	s.opts.Selector.Mark(nodes.service, node, verdict)
	if err != nil {
		nodes.failed(node)
		s.debug(nodes.service, node, err)
	}
	return nobody, err
}

// mayRetry asks the function that decides about retries, if there is one.
func mayRetry(ctx context.Context, req Request, i int, err error, retry RetryFunc) (bool, error) {
	if retry == nil {
		return false, nil
	}
	return retry(ctx, req, i, err)
}

// wait waits before attempt i for as long as the backoff says.
func wait(ctx context.Context, req Request, i int, backoff BackoffFunc) error {
	if backoff == nil {
		return nil
	}
	d, err := backoff(ctx, req, i)
	if err != nil {
		return internalError(clientID, "backoff error: "+err.Error())
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return callTimeout(ctx, ctx.Err())
	}
}

// debug logs a failed attempt.
func (s *settings) debug(service string, node *registry.Node, err error) {
	l := s.opts.Logger
	if l == nil || !logger.V(logger.DebugLevel, l) {
		return
	}
	l.Logf(logger.DebugLevel, "client: attempt to call %s at %s failed: %v", service, node.Address, err)
}
