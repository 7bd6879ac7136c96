package trace_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/metadata"
)

func read(t *testing.T, tracer trace.Tracer, opts ...trace.ReadOption) []*trace.Span {
	t.Helper()
	spans, err := tracer.Read(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return spans
}

func finish(t *testing.T, tracer trace.Tracer, s *trace.Span) {
	t.Helper()
	if err := tracer.Finish(s); err != nil {
		t.Fatal(err)
	}
}

func TestAChildSpanBelongsToTheTraceOfItsParent(t *testing.T) {
	tracer := trace.NewTracer()
	ctx, parent := tracer.Start(context.Background(), "parent")
	_, child := tracer.Start(ctx, "child")
	if parent.Trace == "" || parent.Id == "" || parent.Parent != "" || parent.Metadata == nil {
		t.Errorf("the parent is %+v", *parent)
	}
	if child.Trace != parent.Trace || child.Parent != parent.Id || child.Id == parent.Id {
		t.Errorf("the child is %+v of %+v", *child, *parent)
	}
	if id, span, ok := trace.FromContext(ctx); !ok || id != parent.Trace || span != parent.Id {
		t.Errorf("the context carries %q, %q, %v", id, span, ok)
	}
}

func TestFinishSetsTheDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracer := trace.NewTracer()
		_, span := tracer.Start(context.Background(), "work")
		time.Sleep(3 * time.Second)
		finish(t, tracer, span)
		if got := read(t, tracer)[0].Duration; got != 3*time.Second {
			t.Errorf("it took %v", got)
		}
	})
}

func TestReadSelectsByTrace(t *testing.T) {
	tracer := trace.NewTracer()
	_, one := tracer.Start(context.Background(), "one")
	_, two := tracer.Start(context.Background(), "two")
	finish(t, tracer, one)
	finish(t, tracer, two)
	if got := read(t, tracer, trace.ReadTrace(two.Trace)); len(got) != 1 || got[0].Name != "two" {
		t.Errorf("got %v", got)
	}
	if got := read(t, tracer); len(got) != 2 || got[0].Name != "one" {
		t.Errorf("got %v", got)
	}
	if got := read(t, tracer, trace.ReadTrace("none")); len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestSizeIsHonoured(t *testing.T) {
	for _, tc := range []struct {
		opts []trace.Option
		want int
	}{
		{nil, 256},
		{[]trace.Option{trace.Size(3)}, 3},
		{[]trace.Option{trace.Size(-1)}, 256},
		{[]trace.Option{func(o *trace.Options) { *o = trace.DefaultOptions() }}, 64},
	} {
		tracer := trace.NewTracer(tc.opts...)
		for i := range 300 {
			finish(t, tracer, &trace.Span{Name: fmt.Sprint(i)})
		}
		got := read(t, tracer)
		if len(got) != tc.want || got[0].Name != fmt.Sprint(300-tc.want) || got[len(got)-1].Name != "299" {
			t.Errorf("want the last %d spans, got %d", tc.want, len(got))
		}
	}
}

func TestSpansReadAreCopies(t *testing.T) {
	tracer := trace.NewTracer()
	_, span := tracer.Start(context.Background(), "work")
	finish(t, tracer, span)
	span.Metadata["late"] = "yes"
	read(t, tracer)[0].Metadata["mine"] = "yes"
	if got := read(t, tracer)[0].Metadata; len(got) != 0 {
		t.Errorf("the stored span has %v", got)
	}
}

func TestOnlyUsableTraceIDsAreTakenFromTheContext(t *testing.T) {
	for name, tc := range map[string]struct {
		md      metadata.Metadata
		trace   string
		parent  string
		isFound bool
	}{
		"nothing":                    {nil, "", "", false},
		"both":                       {metadata.Metadata{"Micro-Trace-ID": "t", "Micro-Span-ID": "s"}, "t", "s", true},
		"in the spelling of HTTP":    {metadata.Metadata{"Micro-Trace-Id": "t", "Micro-Span-Id": "s"}, "t", "s", true},
		"trace id alone":             {metadata.Metadata{"Micro-Trace-ID": "t"}, "t", "", true},
		"request id beside a span":   {metadata.Metadata{"Micro-ID": "r", "Micro-Span-ID": "s"}, "r", "s", true},
		"request id is no trace":     {metadata.Metadata{"Micro-ID": "r"}, "", "", false},
		"trace id before request id": {metadata.Metadata{"Micro-ID": "r", "Micro-Trace-ID": "t", "Micro-Span-ID": "s"}, "t", "s", true},
		"as long as an id may be":    {metadata.Metadata{"Micro-Trace-ID": strings.Repeat("t", 256)}, strings.Repeat("t", 256), "", true},
		"too long":                   {metadata.Metadata{"Micro-Trace-ID": strings.Repeat("t", 257)}, "", "", false},
		"several lines":              {metadata.Metadata{"Micro-Trace-ID": "t\nt", "Micro-Span-ID": "s"}, "", "s", true},
		"no text":                    {metadata.Metadata{"Micro-Trace-ID": "\xff\xfe", "Micro-Span-ID": "\x00"}, "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			if tc.md != nil {
				ctx = metadata.NewContext(ctx, tc.md)
			}
			id, parent, ok := trace.FromContext(ctx)
			if id != tc.trace || parent != tc.parent || ok != tc.isFound {
				t.Errorf("got %q, %q, %v", id, parent, ok)
			}
		})
	}
}

func TestATraceIDAloneContinuesTheTrace(t *testing.T) {
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"Micro-Trace-Id": "t"})
	if _, span := trace.NewTracer().Start(ctx, "work"); span.Trace != "t" || span.Parent != "" {
		t.Errorf("got %+v", *span)
	}
}

func TestToContextReplacesTheSpanWhateverItsCase(t *testing.T) {
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"Micro-Trace-Id": "old", "micro-span-id": "old", "Foo": "bar"})
	ctx = trace.ToContext(ctx, "t", "s")
	if id, span, ok := trace.FromContext(ctx); id != "t" || span != "s" || !ok {
		t.Errorf("got %q, %q, %v", id, span, ok)
	}
	md, _ := metadata.FromContext(ctx)
	if len(md) != 3 || md["Foo"] != "bar" {
		t.Errorf("metadata is %v", md)
	}
}

func TestTheNoopTracerReturnsContextAndSpan(t *testing.T) {
	tracer := trace.NewNoopTracer()
	ctx, span := tracer.Start(context.Background(), "work")
	if ctx == nil || span == nil || span.Metadata == nil || span.Name != "work" {
		t.Fatalf("got %v, %v", ctx, span)
	}
	finish(t, tracer, span)
	if got := read(t, tracer); len(got) != 0 {
		t.Errorf("it recorded %v", got)
	}
}

func TestWhatASpanKeepsIsBounded(t *testing.T) {
	tracer := trace.NewTracer()
	_, span := tracer.Start(context.Background(), strings.Repeat("n", 1<<20))
	span.Metadata["error"] = strings.Repeat("e", 1<<20)
	finish(t, tracer, span)
	got := read(t, tracer)[0]
	if n, e := len(got.Name), len(got.Metadata["error"]); n > 5<<10 || e > 5<<10 || !strings.HasPrefix(got.Name, "nnn") {
		t.Errorf("it keeps a name of %d bytes and an error of %d", n, e)
	}
	if len(span.Metadata["error"]) != 1<<20 {
		t.Error("the span of the caller was changed")
	}
}

func TestFinishOfNilDoesNothing(t *testing.T) {
	finish(t, trace.NewTracer(), nil)
}

func TestATracerCanBeUsedConcurrently(t *testing.T) {
	tracer := trace.NewTracer(trace.Size(10))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				_, span := tracer.Start(context.Background(), "work")
				finish(t, tracer, span)
				read(t, tracer)
			}
		})
	}
	wg.Wait()
}

func ExampleNewTracer() {
	tracer := trace.NewTracer()

	ctx, request := tracer.Start(context.Background(), "request")
	_, query := tracer.Start(ctx, "query")
	tracer.Finish(query)
	tracer.Finish(request)

	spans, _ := tracer.Read(trace.ReadTrace(request.Trace))
	for _, s := range spans {
		fmt.Println(s.Name, s.Parent == request.Id)
	}
	// Output:
	// query true
	// request false
}
