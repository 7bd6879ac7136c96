package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"runtime"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Whatever carries a reply, and whether it repeats the one before, it has the
// same headers.
func TestRepliesHaveTheSameHeadersHoweverTheyTravel(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt)
		expect := func(m transport.Message, id, failure string) {
			t.Helper()
			for name, want := range map[string]string{
				"Content-Type": "application/json", "Micro-ID": id, "X-Micro-ID": id, "Micro-Error": failure, "X-Micro-Error": failure,
			} {
				if got := value(m, name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		}
		for range 3 {
			expect(p.call(jsonHeader("Echo.Call", "1"), `{"text":"x"}`), "1", "")
			expect(p.call(jsonHeader("Echo.Fail", "2"), `{"text":"no"}`), "2", "no")
		}
	})
}

// Headers that a wrapper adds to replies go with all that follow.
func TestHeadersAddedToRepliesTravel(t *testing.T) {
	router := &headerRouter{}
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt, server.WithRouter(router))
		for i := range 4 {
			id := fmt.Sprint(i)
			m := p.call(jsonHeader("Any.Thing", id, "x-given", "value "+id), `{}`)
			for name, v := range map[string]string{"X-Added": "value " + id, "Micro-ID": id, "Content-Type": "text/special"} {
				if got := value(m, name); got != v {
					t.Errorf("%s is %q, want %q", name, got, v)
				}
			}
		}
	})
}

// headerRouter answers with a header of the request.
type headerRouter struct{ server.Router }

func (headerRouter) ServeRequest(_ context.Context, req server.Request, rsp server.Response) error {
	given := value(transport.Message{Header: req.Header()}, "X-Given")
	rsp.WriteHeader(map[string]string{"X-Added": given})
	rsp.WriteHeader(map[string]string{"Content-Type": "text/special"})
	return rsp.Write([]byte("done"))
}

// seeingCodec is a JSON codec that tells which headers it sees and writes one.
type seeingCodec struct {
	codec.Codec
	seen chan map[string]string
}

func (c seeingCodec) ReadHeader(m *codec.Message, t codec.MessageType) error {
	c.seen <- maps.Clone(m.Header)
	m.Header["X-Changed"] = "by the codec"
	return c.Codec.ReadHeader(m, t)
}

func (c seeingCodec) Write(m *codec.Message, v any) error {
	if m.Header == nil {
		return errors.New("no headers to write to")
	}
	m.Header["X-Written"] = "yes"
	return c.Codec.Write(m, v)
}

func TestCodecsSeeAndWriteTheHeadersOfEachMessage(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		seen := make(chan map[string]string, 10)
		p := serve(t, newEcho(), opt, server.Codec("application/json", func(rwc io.ReadWriteCloser) codec.Codec {
			return seeingCodec{json.NewCodec(rwc), seen}
		}))
		m := p.call(jsonHeader("Echo.Call", "1", "X-Number", "0"), `{"text":"x"}`)
		p.wantBody(m, `{"text":"x"}`)
		if value(m, "X-Written") != "yes" {
			t.Errorf("the reply lacks what the codec wrote: %v", m.Header)
		}
		p.send(streamHeader("Echo.Stream", "2", "X-Number", "1"), "")
		for i := range 3 {
			m := p.call(streamHeader("Echo.Stream", "2", "X-Number", fmt.Sprint(i+2)), `{"text":"x"}`)
			p.wantBody(m, `{"text":"x"}`)
			if value(m, "X-Written") != "yes" {
				t.Errorf("message %d lacks what the codec wrote: %v", i, m.Header)
			}
		}
		for i := range 5 {
			h := <-seen
			if h["X-Number"] != fmt.Sprint(i) || h["X-Changed"] != "" {
				t.Errorf("message %d has %v", i, h)
			}
		}
	})
}

// askingRouter has somebody read the metadata while it reads the request.
type askingRouter struct{ server.Router }

func (askingRouter) ServeRequest(ctx context.Context, req server.Request, rsp server.Response) error {
	var asking sync.WaitGroup
	defer asking.Wait()
	asking.Go(func() {
		for range 100 {
			_, _ = metadata.FromContext(ctx)
			_ = maps.Clone(req.Header())
			runtime.Gosched()
		}
	})
	if err := req.Codec().ReadHeader(new(codec.Message), codec.Request); err != nil {
		return err
	}
	return rsp.Write([]byte("read"))
}

// What a codec does to the headers of its message does not happen to the
// metadata of the request.
func TestCodecsDoNotChangeTheMetadataOfARequest(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt, server.WithRouter(askingRouter{}), server.Codec("application/json", func(rwc io.ReadWriteCloser) codec.Codec {
			return seeingCodec{json.NewCodec(rwc), make(chan map[string]string, 1)}
		}))
		for range 5 {
			p.wantBody(p.call(jsonHeader("Any.Thing", "1"), `{}`), "read")
		}
	})
}
