package server_test

import (
	"context"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/server"
)

// Stack answers with the names of the functions that called its methods.
type Stack struct{}

func (Stack) Unary(_ context.Context, _ *Text, rsp *Text) error {
	rsp.Text = string(debug.Stack())
	return nil
}

func (Stack) Stream(_ context.Context, s server.Stream) error {
	return s.Send(&Text{string(debug.Stack())})
}

func TestTypedMethodsAreCalledWithoutReflection(t *testing.T) {
	s := newServer(t)
	h := new(Stack)
	if err := s.Handle(s.NewHandler(h,
		server.UnaryMethod("Stack.Unary", h.Unary),
		server.StreamMethod("Stack.Stream", h.Stream),
		server.UnaryMethod("Stack.NotThere", h.Unary),
	)); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	for name, h := range map[string]header{"unary": jsonHeader("Stack.Unary", "1"), "stream": streamHeader("Stack.Stream", "2")} {
		body := string(dial(t, s).call(h, "{}").Body) // on a socket that gets nothing else
		if !strings.Contains(body, "server_test.Stack") || strings.Contains(body, "reflect.") {
			t.Errorf("%s was called from %s", name, strings.ReplaceAll(body, `\n`, "\n"))
		}
	}
}

func TestATypedMethodOfOtherTypesIsAnErrorOfHandle(t *testing.T) {
	h := new(Stack)
	for name, option := range map[string]server.HandlerOption{
		"another reply":   server.UnaryMethod("Stack.Unary", func(context.Context, *Text, *string) error { return nil }),
		"another request": server.UnaryMethod("Stack.Unary", func(context.Context, *string, *Text) error { return nil }),
		"a stream":        server.StreamMethod("Stack.Unary", h.Stream),
		"no stream":       server.UnaryMethod("Stack.Stream", h.Unary),
	} {
		s := newServer(t)
		if err := s.Handle(s.NewHandler(h, option)); err == nil || !strings.Contains(err.Error(), "Stack.") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestATypedMethodGetsWhatWrappersPass(t *testing.T) {
	var pass any
	s := newServer(t, server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, _ any) error { return next(ctx, req, pass) }
	}))
	e := newEcho()
	if err := s.Handle(s.NewHandler(e, server.UnaryMethod("Echo.Call", e.Call))); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	p := dial(t, s)
	mine := new(Text)
	pass = mine
	p.call(jsonHeader("Echo.Call", "1"), `{"text":"hi"}`)
	if mine.Text != "hi" {
		t.Errorf("the reply of the wrapper has the text %q", mine.Text)
	}
	pass = new(string)
	p.wantError(p.call(jsonHeader("Echo.Call", "2"), `{"text":"hi"}`), "a handler wrapper of Echo.Call passed a *string; want *server_test.Text")
}
