package runtime_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/runtime"
)

func TestEventTypesHaveNames(t *testing.T) {
	for typ, want := range map[runtime.EventType]string{
		runtime.Create: "create",
		runtime.Update: "update",
		runtime.Delete: "delete",
		7:              "unknown",
	} {
		if got := typ.String(); got != want {
			t.Errorf("EventType(%d).String() = %q, want %q", typ, got, want)
		}
	}
}

func TestOptionsDefaultToTheDefaultLogger(t *testing.T) {
	o := runtime.NewOptions(runtime.WithSource("src"), runtime.WithImage("img"), runtime.WithType("service"))
	if o.Logger != logger.DefaultLogger || o.Source != "src" || o.Image != "img" || o.Type != "service" {
		t.Errorf("options are %+v", *o)
	}
}

func TestServiceOptionsSetTheirFields(t *testing.T) {
	ctx, out := context.Background(), new(bytes.Buffer)
	var c runtime.CreateOptions
	for _, o := range []runtime.CreateOption{
		runtime.WithCommand("go", "run"), runtime.WithArgs("."), runtime.WithEnv([]string{"A=b"}),
		runtime.WithOutput(out), runtime.WithRetries(3), runtime.CreateType("t"), runtime.CreateImage("i"),
		runtime.CreateNamespace("n"), runtime.CreateContext(ctx),
	} {
		o(&c)
	}
	if strings.Join(c.Command, " ") != "go run" || c.Args[0] != "." || c.Env[0] != "A=b" || c.Output != out ||
		c.Retries != 3 || c.Type != "t" || c.Image != "i" || c.Namespace != "n" || c.Context != ctx {
		t.Errorf("create options are %+v", c)
	}
	var r runtime.ReadOptions
	for _, o := range []runtime.ReadOption{
		runtime.ReadService("s"), runtime.ReadVersion("v"), runtime.ReadType("t"),
		runtime.ReadNamespace("n"), runtime.ReadContext(ctx),
	} {
		o(&r)
	}
	if r != (runtime.ReadOptions{Service: "s", Version: "v", Type: "t", Namespace: "n", Context: ctx}) {
		t.Errorf("read options are %+v", r)
	}
	var l runtime.LogsOptions
	for _, o := range []runtime.LogsOption{
		runtime.LogsCount(2), runtime.LogsStream(true), runtime.LogsNamespace("n"), runtime.LogsContext(ctx),
	} {
		o(&l)
	}
	if l != (runtime.LogsOptions{Count: 2, Stream: true, Namespace: "n", Context: ctx}) {
		t.Errorf("logs options are %+v", l)
	}
}

func TestTheTimeBetweenAttemptsGrowsUpToAMinute(t *testing.T) {
	for failures, want := range map[int]time.Duration{
		0: 5 * time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 6: 32 * time.Second, 7: time.Minute, 1000: time.Minute,
	} {
		if got := runtime.DefaultBackoff(failures); got != want {
			t.Errorf("after %d failures it is %v, want %v", failures, got, want)
		}
	}
}
