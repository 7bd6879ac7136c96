package client

import (
	"context"

	"github.com/justcy/go-micro/v4/registry"
)

// CallFunc makes one attempt of a call at one node.
type CallFunc func(ctx context.Context, node *registry.Node, req Request, rsp any, opts CallOptions) error

// CallWrapper goes around the attempts of calls. It may be asked for its
// CallFunc once for many calls, which use it at the same time.
type CallWrapper func(CallFunc) CallFunc

// Wrapper goes around a client.
type Wrapper func(Client) Client

// StreamWrapper goes around a stream.
type StreamWrapper func(Stream) Stream

// wrapped puts wrappers around call, the first outermost.
func wrapped(call CallFunc, wrappers []CallWrapper) CallFunc {
	for i := len(wrappers) - 1; i >= 0; i-- {
		call = wrappers[i](call)
	}
	return call
}
