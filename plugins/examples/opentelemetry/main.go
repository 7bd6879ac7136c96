// Opentelemetry is two services whose calls are traced as one: the spans are
// printed as they end, where a program would export them to a collector.
//
//	go run ./examples/opentelemetry   # in the folder plugins
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/justcy/go-micro/plugins/v4/wrapper/trace/opentelemetry"
	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
)

// Request and Response are what travels.
type Request struct {
	Name string `json:"name"`
}
type Response struct {
	Text string `json:"text"`
}

// Greeter asks the translator.
type Greeter struct{ client client.Client }

// Hello greets in the language of the translator.
func (g *Greeter) Hello(ctx context.Context, req *Request, rsp *Response) error {
	return g.client.Call(ctx, g.client.NewRequest("translator", "Translator.Greet", req), rsp)
}

// Translator knows greetings.
type Translator struct{}

// Greet greets.
func (*Translator) Greet(_ context.Context, req *Request, rsp *Response) error {
	rsp.Text = "Bonjour " + req.Name
	return nil
}

// printer is an exporter that prints.
type printer struct{}

func (printer) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		fmt.Printf("trace %s  span %s  parent %s  %-30s %s\n",
			s.SpanContext().TraceID(), s.SpanContext().SpanID(), s.Parent().SpanID(), s.Name(), s.SpanKind())
	}
	return nil
}

func (printer) Shutdown(context.Context) error { return nil }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "opentelemetry:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(printer{}))
	defer func() { _ = tp.Shutdown(context.Background()) }()

	greeter, translator := newService(ctx, "greeter", tp), newService(ctx, "translator", tp)
	if err := micro.RegisterHandler(greeter.Server(), &Greeter{greeter.Client()}); err != nil {
		return err
	}
	if err := micro.RegisterHandler(translator.Server(), new(Translator)); err != nil {
		return err
	}
	stopped := make(chan error, 2)
	for _, s := range []micro.Service{greeter, translator} {
		started := make(chan struct{})
		s.Init(micro.AfterStart(func() error { close(started); return nil }))
		go func() { stopped <- s.Run() }()
		select {
		case <-started:
		case err := <-stopped:
			return err
		}
	}
	c, rsp := greeter.Client(), new(Response)
	if err := c.Call(ctx, c.NewRequest("greeter", "Greeter.Hello", &Request{Name: "John"}), rsp); err != nil {
		return err
	}
	fmt.Println(rsp.Text)
	cancel()
	for range 2 {
		if err := <-stopped; err != nil {
			return err
		}
	}
	return nil
}

// newService makes a service that is traced.
func newService(ctx context.Context, name string, tp *sdktrace.TracerProvider) micro.Service {
	with := opentelemetry.WithTraceProvider(tp)
	s := micro.NewService(
		micro.Name(name),
		micro.Context(ctx),
		micro.WrapClient(opentelemetry.NewClientWrapper(with)),
		micro.WrapHandler(opentelemetry.NewHandlerWrapper(with)),
	)
	s.Init()
	return s
}
