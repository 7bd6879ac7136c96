package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
)

func TestRouterStandsAlone(t *testing.T) {
	r := server.NewRouter()
	if err := r.Handle(r.NewHandler(newEcho())); err != nil {
		t.Fatal(err)
	}
	x := newRouted(t, "Echo.Call", "application/json", `{"text":"x"}`)
	if err := r.ServeRequest(context.Background(), x.request(), x.response()); err != nil {
		t.Fatal(err)
	}
	if x.written.Type != codec.Response || x.value.(*Text).Text != "x" {
		t.Errorf("wrote %+v %v", x.written, x.value)
	}
	for endpoint, want := range map[string]string{
		"Echo.Panic": "panic recovered: boom",
		"Echo.No":    "rpc: can't find method No",
		"No.Call":    "rpc: can't find service No",
		"":           "rpc: service/endpoint request ill-formed: ",
	} {
		x := newRouted(t, endpoint, "application/json", `{}`)
		err := r.ServeRequest(context.Background(), x.request(), x.response())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", endpoint, err, want)
		}
	}
}

func TestDefaultRouterServesAsRouterOfAServer(t *testing.T) {
	r := server.NewRouter()
	if err := r.Handle(r.NewHandler(newEcho())); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	if err := r.Subscribe(r.NewSubscriber("news", func(_ context.Context, m *Text) error {
		got <- m.Text
		return nil
	})); err != nil {
		t.Fatal(err)
	}
	p := serve(t, new(Raw), server.WithRouter(r))
	p.wantBody(p.call(jsonHeader("Echo.Call", "1"), `{"text":"x"}`), `{"text":"x"}`)
	p.send(streamHeader("Echo.Stream", "2"), "")
	p.wantBody(p.call(streamHeader("Echo.Stream", "2"), `{"text":"y"}`), `{"text":"y"}`)
	if err := publish(p.server, "test", eventMessage("news", `{"text":"z"}`)); err != nil {
		t.Fatal(err)
	}
	if v := <-got; v != "z" {
		t.Errorf("got %q", v)
	}
}

type lower struct{}

func (lower) Call(context.Context, *Text, *Text) error { return nil }

type unexported struct{}

// Unfit has no method that can be called.
type Unfit struct{}

func (Unfit) NoContext(*Text, *Text) error                          { return nil }
func (Unfit) NoError(context.Context, *Text, *Text)                 {}
func (Unfit) ValueReply(context.Context, *Text, Text) error         { return nil }
func (Unfit) Hidden(context.Context, *unexported, *Text) error      { return nil }
func (Unfit) HiddenReply(context.Context, *Text, *unexported) error { return nil }
func (Unfit) NotAStream(context.Context, fmt.Stringer) error        { return nil }
func (Unfit) TooMany(context.Context, *Text, *Text, *Text) error    { return nil }

func TestHandlersMustBeUsable(t *testing.T) {
	s := newServer(t)
	handle(t, s, new(Raw))
	for name, h := range map[string]any{
		"nil": nil, "no name": struct{}{}, "unexported": lower{}, "no methods": &Text{},
		"unfit": Unfit{}, "duplicate": new(Raw), "func": func() {},
	} {
		if s.Handle(s.NewHandler(h)) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// Values has methods of all the forms that can be called.
type Values struct{ prefix string }

func (v Values) Number(_ context.Context, n int, rsp *int) error { *rsp = n + 1; return nil }
func (v Values) Any(_ context.Context, m map[string]any, rsp *map[string]any) error {
	*rsp = map[string]any{v.prefix: m["a"]}
	return nil
}
func (v Values) Pointer(_ context.Context, req *Text, rsp *Text) error {
	rsp.Text = v.prefix + req.Text
	return nil
}
func (v Values) Loose(_ context.Context, req any, rsp *any) error { *rsp = req; return nil }

func TestMethodsMayTakeValuesPointersAndAny(t *testing.T) {
	p := serve(t, Values{"p"})
	for endpoint, bodies := range map[string][2]string{
		"Values.Number":  {"41", "42"},
		"Values.Any":     {`{"a":1}`, `{"p":1}`},
		"Values.Pointer": {`{"text":"x"}`, `{"text":"px"}`},
		"Values.Loose":   {`"x"`, `"x"`},
	} {
		p.wantBody(p.call(jsonHeader(endpoint, "1"), bodies[0]), bodies[1])
	}
	p.wantBody(p.call(jsonHeader("Values.Loose", "1"), ""), "null")
}

func TestTheFirstHandlerWrapperIsOutermost(t *testing.T) {
	var order []string
	wrapper := func(name string) server.Option {
		return server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
			return func(ctx context.Context, req server.Request, rsp any) error {
				order = append(order, name)
				return next(ctx, req, rsp)
			}
		})
	}
	s := newServer(t, wrapper("outer"), wrapper("middle"))
	handle(t, s, newEcho())
	if err := s.Init(wrapper("inner")); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	p := dial(t, s)
	p.call(jsonHeader("Echo.Call", "1"), `{}`)
	if fmt.Sprint(order) != "[outer middle inner]" {
		t.Errorf("order %v", order)
	}
}

type otherBody struct {
	server.Request
	body any
}

func (r otherBody) Body() any { return r.body }

func TestWrapperMayReplaceTheRequest(t *testing.T) {
	var body any = &Text{"replaced"}
	p := serve(t, newEcho(), server.WrapHandler(func(next server.HandlerFunc) server.HandlerFunc {
		return func(ctx context.Context, req server.Request, rsp any) error {
			return next(ctx, otherBody{req, body}, rsp)
		}
	}))
	p.wantBody(p.call(jsonHeader("Echo.Call", "1"), `{}`), `{"text":"replaced"}`)
	body = "not a Text"
	p.wantError(p.call(jsonHeader("Echo.Call", "2"), `{}`), "a handler wrapper of Echo.Call passed a string; want *server_test.Text")
	body = nil
	p.wantError(p.call(jsonHeader("Echo.Call", "3"), `{}`), "passed a <nil>")
}

type Inner struct {
	Deep  *Deep
	Plain int
}

type Deep struct{ Below struct{ TooDeep string } }

type Tree struct {
	Named   string `json:"other_name,omitempty"`
	Bare    []Inner
	Ptrs    []*Inner
	Skipped string `json:"-"`
	Omitted string `json:"omitempty"`
	NoName  string `json:",omitempty"`
	Inner   Inner
	hidden  string
}

type Trees struct{}

func (Trees) Unary(context.Context, *Tree, *Text) error   { return nil }
func (Trees) Stream(context.Context, server.Stream) error { return nil }
func (Trees) Ignored(context.Context) error               { return nil }

func show(v *registry.Value) string {
	if v == nil {
		return "nil"
	}
	s := v.Name + ":" + v.Type
	for i, c := range v.Values {
		s += map[bool]string{true: "{", false: " "}[i == 0] + show(c)
	}
	if len(v.Values) > 0 {
		s += "}"
	}
	return s
}

func TestEndpointsDescribeTheirTypes(t *testing.T) {
	_ = Tree{}.hidden
	h := server.NewRpcHandler(new(Trees), server.EndpointMetadata("Trees.Unary", map[string]string{"a": "b"}))
	es := h.Endpoints()
	if len(es) != 2 || h.Name() != "Trees" {
		t.Fatalf("%s has %d endpoints", h.Name(), len(es))
	}
	stream, unary := es[0], es[1]
	if stream.Name != "Trees.Stream" || stream.Metadata["stream"] != "true" || show(stream.Request) != "Context:Context" || show(stream.Response) != "Stream:Stream" {
		t.Errorf("stream %s %v %s %s", stream.Name, stream.Metadata, show(stream.Request), show(stream.Response))
	}
	want := "Tree:Tree{other_name:string Bare:[]Inner Ptrs:[]Inner NoName:string Inner:Inner{Deep:Deep int:int}}"
	if got := show(unary.Request); got != want {
		t.Errorf("request\n%s, want\n%s", got, want)
	}
	if got := show(unary.Response); got != "Text:Text{text:string}" {
		t.Errorf("response %s", got)
	}
	if fmt.Sprint(unary.Metadata) != "map[a:b]" {
		t.Errorf("metadata %v", unary.Metadata)
	}
}

func TestASubscriberDescribesItsEndpoints(t *testing.T) {
	s := server.NewSubscriber("news", &Notes{}, server.SubscriberQueue("q"), server.DisableAutoAck(), server.InternalSubscriber(true))
	for i, name := range []string{"Notes.First", "Notes.Second"} {
		e := s.Endpoints()[i]
		if e.Name != name || show(e.Request) != "Text:Text{text:string}" || fmt.Sprint(e.Metadata) != "map[subscriber:true topic:news]" {
			t.Errorf("%s %s %v", e.Name, show(e.Request), e.Metadata)
		}
	}
	if o := s.Options(); o.Queue != "q" || o.AutoAck || !o.Internal || s.Topic() != "news" {
		t.Errorf("options %+v", o)
	}
	f := server.NewSubscriber("news", func(context.Context, *Text) error { return nil })
	if e := f.Endpoints()[0]; e.Name != "Func" || show(e.Request) != "Text:Text{text:string}" {
		t.Errorf("%s %s", e.Name, show(e.Request))
	}
	if !server.NewSubscriberOptions().AutoAck {
		t.Error("AutoAck is off by default")
	}
}
