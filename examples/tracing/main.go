// Tracing follows a call through two services: the tracer in memory keeps the
// spans, and Debug.Trace, which every service answers, tells of them.
//
//	go run ./examples/tracing
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	"github.com/justcy/go-micro/v4/debug/trace"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
)

// Front passes what it is asked on to the back.
type Front struct{ back greeter.GreeterService }

// Hello calls with the context of its own call, so that the trace goes on.
func (f *Front) Hello(ctx context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	answer, err := f.back.Hello(ctx, req)
	if err != nil {
		return err
	}
	rsp.Greeting = answer.GetGreeting()
	return nil
}

// Back greets.
type Back struct{}

// Hello greets by name.
func (*Back) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	rsp.Greeting = "Hello " + req.GetName()
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "tracing:", err)
		os.Exit(1)
	}
}

func run() error {
	tracer := trace.NewTracer() // the services of this process share it
	front := micro.NewService(micro.Name("front"), micro.Tracer(tracer))
	back := micro.NewService(micro.Name("back"), micro.Tracer(tracer))
	caller := micro.NewService(micro.Name("caller"), micro.Tracer(tracer)).Client()
	if err := errors.Join(
		greeter.RegisterGreeterHandler(front.Server(), &Front{greeter.NewGreeterService("back", front.Client())}),
		greeter.RegisterGreeterHandler(back.Server(), new(Back)),
	); err != nil {
		return err
	}
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	for _, service := range []micro.Service{front, back} {
		service.Init()
		if err := service.Server().Start(); err != nil {
			return err
		}
		defer service.Server().Stop()
	}
	return call(caller)
}

// call greets, and shows the trace of that.
func call(c client.Client) error {
	ctx := context.Background()
	rsp, err := greeter.NewGreeterService("front", c).Hello(ctx, &greeter.HelloRequest{Name: "John"})
	if err != nil {
		return err
	}
	fmt.Println(rsp.GetGreeting())
	spans, err := debug.NewDebugService("front", c).Trace(ctx, &debug.TraceRequest{})
	if err != nil {
		return err
	}
	show(spans.GetSpans(), "", 0)
	return nil
}

// show prints the children of a span.
func show(spans []*debug.Span, parent string, depth int) {
	for _, s := range spans {
		if s.GetParent() == parent && strings.HasSuffix(s.GetName(), ".Hello") {
			fmt.Printf("%s%s %s\n", strings.Repeat("  ", depth), strings.ToLower(s.GetType().String()), s.GetName())
			show(spans, s.GetId(), depth+1)
		}
	}
}
