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
	if err := callable(ctx, req); err != nil {
		return err
	}
	s := c.settings.Load()
	options, attempt := s.opts.CallOptions, s.attempt
	if len(opts) > 0 {
		options = options.with(opts)
		attempt = wrapped(s.bare, options.CallWrappers)
	}
	callCtx := newCallContext(ctx, req, options.RequestTimeout)
	defer callCtx.end()
	if left, ok := callCtx.left(); ok {
		options.RequestTimeout = left
	}
	nodes, _, err := s.nodes(callCtx, req, &options)
	if err != nil {
		return err
	}
	return s.run(callCtx, &nodes, req, rsp, options, attempt)
}

// callable says what is missing for a call.
func callable(ctx context.Context, req Request) error {
	switch {
	case ctx == nil:
		return refusal("call without a context: ctx is nil, use context.Background()")
	case req == nil:
		return refusal("call without a request: req is nil, make one with NewRequest")
	}
	return nil
}

// run makes attempts until one succeeds or no further one is allowed.
func (s *settings) run(ctx *callContext, nodes *picker, req Request, rsp any, opts CallOptions, attempt CallFunc) error {
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
	done := s.track(ctx, nodes, node)
	ctx.lost.Store(false)
	ctx.node.Store(node)
	err = attempt(ctx, node, req, rsp, opts)
	outcome := ctx.takeOutcome()
	nobody = outcome == refused && err != nil
	if done != nil {
		done(err)
	}
	s.opts.Selector.Mark(nodes.service, node, s.verdict(ctx, nodes, node, outcome, err))
	if err != nil {
		nodes.failed(node)
		s.debug(nodes.service, node, err)
	}
	return nobody, err
}

// verdict is what the selector is told about an attempt.
func (s *settings) verdict(ctx *callContext, nodes *picker, node *registry.Node, outcome int32, err error) error {
	switch {
	case err == nil:
		return nil
	case outcome == refused && ended(ctx) == nil:
		return selector.Unreachable(err)
	case (outcome == refused || outcome == reached) && expired(err) && !nodes.static:
		return s.silent(nodes.service, node, err)
	default:
		return err
	}
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
		return failure(clientID, "backoff error: ", err)
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
