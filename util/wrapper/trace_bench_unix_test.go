//go:build unix

package wrapper_test

import (
	"context"
	"testing"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/util/wrapper"
)

// direct is a client whose calls go straight to a handler, with their headers.
type direct struct {
	client.Client
	handle server.HandlerFunc
}

func (d *direct) Call(ctx context.Context, req client.Request, rsp any, _ ...client.CallOption) error {
	md, _ := metadata.FromContext(ctx)
	return d.handle(metadata.NewContext(bg, md), serverRequest{hello}, rsp)
}

// BenchmarkTracedCall is what the tracer in memory costs a call: the span of the
// caller, the headers that carry it, and the span of the handler.
func BenchmarkTracedCall(b *testing.B) {
	handle := func(context.Context, server.Request, any) error { return nil }
	tracer := trace.NewTracer()
	ctx := metadata.NewContext(bg, metadata.Metadata{"Micro-From-Service": "blog"})
	for name, c := range map[string]client.Client{
		"untraced": &direct{handle: handle},
		"traced":   wrapper.TraceCall("blog", tracer, &direct{handle: wrapper.TraceHandler(tracer)(handle)}),
	} {
		b.Run(name, func(b *testing.B) {
			measure(b, func() {
				if err := c.Call(ctx, hello, nil); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}
