package stream_test

import (
	"context"
	"errors"
	"testing"

	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/util/stream"
)

type fake struct {
	ctx    context.Context
	err    error
	sent   any
	closed bool
}

func (f *fake) Context() context.Context { return f.ctx }
func (f *fake) SendMsg(m any) error      { f.sent = m; return f.err }
func (f *fake) RecvMsg(m any) error      { *m.(*string) = "hello"; return f.err }
func (f *fake) Close() error             { f.closed = true; return f.err }

func TestMessagesPassThrough(t *testing.T) {
	f := &fake{ctx: context.Background()}
	s := stream.New("greeter", "Greeter.Chat", "req", f)
	var got string
	if err := errors.Join(s.Send("a"), s.Recv(&got), s.Close()); err != nil {
		t.Fatal(err)
	}
	if f.sent != "a" || got != "hello" || !f.closed || s.Context() != f.ctx {
		t.Errorf("sent %v, got %q, closed %v", f.sent, got, f.closed)
	}
}

func TestErrorIsTheLastOne(t *testing.T) {
	f := &fake{ctx: context.Background()}
	s := stream.New("greeter", "Greeter.Chat", nil, f)
	if s.Error() != nil {
		t.Error("there is one from the start")
	}
	f.err = errors.New("broken")
	if err := s.Send("a"); err != f.err {
		t.Errorf("Send returned %v", err)
	}
	want := f.err
	f.err = nil
	if err := s.Send("b"); err != nil || s.Error() != want {
		t.Errorf("got %v, %v", err, s.Error())
	}
}

func TestTheRequestIsTheOneThatOpenedTheStream(t *testing.T) {
	ctx := metadata.NewContext(context.Background(), metadata.Metadata{"Foo": "bar"})
	r := stream.New("greeter", "Greeter.Chat", "body", &fake{ctx: ctx}).Request()
	if r.Service() != "greeter" || r.Endpoint() != "Greeter.Chat" || r.Body() != "body" || r.Header()["Foo"] != "bar" {
		t.Errorf("got %s %s %v %v", r.Service(), r.Endpoint(), r.Body(), r.Header())
	}
	if b, err := r.Read(); b != nil || err != nil {
		t.Errorf("Read returned %v, %v", b, err)
	}
}

func TestCodecOfTheRequestIsNil(t *testing.T) {
	r := stream.New("greeter", "Greeter.Chat", nil, &fake{ctx: context.Background()}).Request()
	if c := r.Codec(); c != nil {
		t.Errorf("got %v", c)
	}
}
