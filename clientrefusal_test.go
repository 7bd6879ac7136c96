package micro_test

import (
	"context"
	"testing"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/errors"
)

// The wrappers of a service come before the client, which refuses these.
func TestTheClientOfAServiceRefusesCallsThatLackSomething(t *testing.T) {
	for name, opts := range map[string][]micro.Option{
		"plain":  nil,
		"traced": {micro.Tracer(trace.DefaultTracer)},
	} {
		t.Run(name, func(t *testing.T) {
			c := micro.NewService(append(opts, micro.Name("caller"))...).Client()
			req := c.NewRequest("greeter", "Greeter.Hello", nil)
			var noContext context.Context
			stream := func(ctx context.Context, req client.Request) error {
				_, err := c.Stream(ctx, req)
				return err
			}
			for what, err := range map[string]error{
				"call without a request":    c.Call(t.Context(), nil, nil),
				"call without a context":    c.Call(noContext, req, nil),
				"stream without a request":  stream(t.Context(), nil),
				"stream without a context":  stream(noContext, req),
				"publish without a message": c.Publish(t.Context(), nil),
				"publish without a context": c.Publish(noContext, c.NewMessage("t", nil)),
				"publish without a topic":   micro.NewEvent("", c).Publish(t.Context(), "x"),
			} {
				if errors.FromError(err).GetCode() != 400 {
					t.Errorf("%s: the error is %v", what, err)
				}
			}
		})
	}
}
