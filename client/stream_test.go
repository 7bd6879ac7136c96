package client_test

import (
	"context"
	stderrors "errors"
	"io"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/codec/json"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
)

// openStream opens a stream to Greeter.Chat at addr.
func openStream(t testing.TB, c client.Client, addr string, opts ...client.CallOption) client.Stream {
	t.Helper()
	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", &echoBody{"first"}, client.StreamingRequest()),
		append(opts, client.WithAddress(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stream.Close() })
	return stream
}

// chat echoes the messages of a stream after the first one, says "last" and
// then "EOS" once the client has announced its end.
func chat(s transport.Socket, m *transport.Message) error {
	h := replyHeader(m)
	switch {
	case m.Header["Micro-Error"] == "EOS":
		if err := s.Send(&transport.Message{Header: h, Body: []byte(`{"name":"last"}`)}); err != nil {
			return err
		}
		h = maps.Clone(h)
		h["Micro-Error"] = "EOS"
		return s.Send(&transport.Message{Header: h})
	case string(m.Body) == `{"name":"first"}`+"\n":
		return nil
	}
	return s.Send(&transport.Message{Header: h, Body: m.Body})
}

func TestAStreamCarriesMessagesBothWays(t *testing.T) {
	for name, tr := range map[string]transport.Transport{
		"memory": transport.NewMemoryTransport(),
		"http":   transport.NewHTTPTransport(),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t, tr, chat)
			stream := openStream(t, newClient(t, tr), p.addr)
			if stream.Request().Endpoint() != "Greeter.Chat" || !stream.Request().Stream() {
				t.Errorf("request is %+v", stream.Request())
			}
			for _, want := range []string{"a", "b"} {
				var got echoBody
				if err := stream.Send(&echoBody{want}); err != nil {
					t.Fatal(err)
				}
				if err := stream.Recv(&got); err != nil || got.Name != want {
					t.Fatalf("got %q, %v", got.Name, err)
				}
			}
			if h := stream.Response().Header(); h["Micro-Stream"] != "0" {
				t.Errorf("response header is %v", h)
			}
			testHalfClose(t, stream)
			got := p.received()
			if end := got[len(got)-1].Header; end["Micro-Half-Close"] != "true" {
				t.Errorf("the end of the sending side came with %v", end)
			}
			if _, open := p.connections(); open != 0 {
				testkit.Eventually(t, "the connection is closed", func() bool { _, open := p.connections(); return open == 0 })
			}
		})
	}
}

// CloseSend returned an error, and Close was the only way to end the sending
// side: what the server had left to say was lost.
func testHalfClose(t *testing.T, stream client.Stream) {
	t.Helper()
	for range 2 {
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
	}
	if err := stream.Send(&echoBody{"late"}); err == nil {
		t.Error("Send after CloseSend succeeded")
	}
	var got echoBody
	if err := stream.Recv(&got); err != nil || got.Name != "last" {
		t.Fatalf("after CloseSend got %q, %v", got.Name, err)
	}
	for range 2 {
		if err := stream.Recv(&got); err != io.EOF {
			t.Fatalf("the end is %v, want io.EOF", err)
		}
	}
	if stream.Error() != io.EOF {
		t.Errorf("Error is %v", stream.Error())
	}
	for range 2 {
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestMessagesOfAStreamHaveTheHeadersOfV4(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		p := newPeer(t, tr, silent)
		c := newClient(t, tr)
		want := map[string]string{
			"Content-Type": "application/json", "Accept": "application/json",
			"Micro-ID": "0", "Micro-Stream": "0",
			"Micro-Service": "greeter", "Micro-Method": "Greeter.Chat", "Micro-Endpoint": "Greeter.Chat",
		}
		stream := openStream(t, c, p.addr)
		if err := stream.Send(&echoBody{"a"}); err != nil {
			t.Fatal(err)
		}
		stream.Close()
		stream.Close()
		synctest.Wait()
		got := p.received()
		if len(got) != 3 {
			t.Fatalf("%d messages, want the opening, one message and the end", len(got))
		}
		for i, body := range []string{`{"name":"first"}` + "\n", `{"name":"a"}` + "\n", ""} {
			if i == 2 {
				want["Micro-Error"] = "EOS"
			}
			if !maps.Equal(got[i].Header, want) || string(got[i].Body) != body {
				t.Errorf("message %d is %v %q, want %v %q", i, got[i].Header, got[i].Body, want, body)
			}
		}

		timed := openStream(t, c, p.addr, client.WithStreamTimeout(time.Minute))
		defer timed.Close()
		synctest.Wait()
		opening := p.received()[3].Header
		if opening["Timeout"] != strconv.Itoa(int(time.Minute)) || opening["Micro-Stream"] != "1" {
			t.Errorf("with StreamTimeout the headers are %v", opening)
		}
	})
}

func TestStreamEndsWithItsContext(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, silent)
	c := newClient(t, tr)
	req := c.NewRequest("greeter", "Greeter.Chat", nil)

	t.Run("cancelled", func(t *testing.T) {
		testkit.NoLeaks(t)
		ctx, cancel := context.WithCancel(context.Background())
		stream, err := c.Stream(ctx, req, client.WithAddress(p.addr))
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Millisecond, cancel)
		for range 2 {
			if err := stream.Recv(nil); err != context.Canceled {
				t.Errorf("Recv returned %v", err)
			}
		}
		if err := stream.Send(nil); err != context.Canceled {
			t.Errorf("Send returned %v", err)
		}
		<-stream.Context().Done()
		testkit.Eventually(t, "the connection is closed", func() bool { _, open := p.connections(); return open == 0 })
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Run("stream timeout", func(t *testing.T) {
		stream, err := c.Stream(context.Background(), req, client.WithAddress(p.addr), client.WithStreamTimeout(time.Millisecond))
		if err == nil {
			defer stream.Close()
			if err := stream.Recv(nil); err != context.DeadlineExceeded {
				t.Errorf("Recv returned %v", err)
			}
		} else if !stderrors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	t.Run("before it is open", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := c.Stream(ctx, req, client.WithAddress(p.addr))
		wantError(t, err, "go.micro.client", 408, "context canceled")
	})
}

func TestAStreamSaysWhyItEnded(t *testing.T) {
	tr := transport.NewMemoryTransport()
	c := newClient(t, tr)
	t.Run("error of the handler", func(t *testing.T) {
		sent := errors.Conflict("greeter", "taken")
		p := newPeer(t, tr, fail(sent.Error()))
		stream := openStream(t, c, p.addr)
		for range 2 {
			if err := stream.Recv(nil); !stderrors.Is(err, sent) || err.Error() != sent.Error() {
				t.Errorf("Recv returned %v", err)
			}
		}
	})
	t.Run("whoever waits for the end is told why", func(t *testing.T) {
		p := newPeer(t, tr, fail(errors.Conflict("greeter", "taken").Error()))
		for range 100 {
			stream := openStream(t, c, p.addr)
			told := make(chan error, 1)
			go func() {
				for stream.Context().Err() == nil { // as close to the end as can be
				}
				told <- stream.Error()
			}()
			_ = stream.Recv(nil)
			if err := <-told; err == nil || errors.FromError(err).Code != 409 {
				t.Fatalf("at the end of the context Error is %v", err)
			}
		}
	})
	t.Run("lost connection", func(t *testing.T) {
		p := newPeer(t, tr, hangUp)
		if err := openStream(t, c, p.addr).Recv(nil); err != io.ErrUnexpectedEOF {
			t.Errorf("Recv returned %v", err)
		}
	})
	t.Run("closed", func(t *testing.T) {
		p := newPeer(t, tr, silent)
		stream := openStream(t, c, p.addr)
		result := make(chan error)
		go func() { result <- stream.Recv(nil) }()
		stream.Close()
		if err := <-result; err != client.ErrShutdown || err.Error() != "connection is shut down" {
			t.Errorf("pending Recv returned %v", err)
		}
		if err := stream.Send(nil); err != client.ErrShutdown {
			t.Errorf("Send returned %v", err)
		}
	})
	t.Run("undecodable message", func(t *testing.T) {
		p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
			_ = s.Send(&transport.Message{Header: replyHeader(m), Body: []byte("{")})
			return s.Send(&transport.Message{Header: replyHeader(m), Body: []byte(`{"name":"good"}`)})
		})
		stream := openStream(t, c, p.addr)
		var got echoBody
		if e := errors.FromError(stream.Recv(&got)); e == nil || e.Id != "go.micro.client.codec" {
			t.Errorf("Recv returned %v", e)
		}
		if err := stream.Recv(&got); err != nil || got.Name != "good" {
			t.Errorf("then got %q, %v", got.Name, err)
		}
	})
	t.Run("unencodable message", func(t *testing.T) {
		p := newPeer(t, tr, chat)
		stream := openStream(t, c, p.addr)
		if e := errors.FromError(stream.Send(make(chan int))); e == nil || e.Id != "go.micro.client.codec" {
			t.Errorf("Send returned %v", e)
		}
		var got echoBody
		if err := stream.Send(&echoBody{"a"}); err != nil {
			t.Fatal(err)
		}
		if err := stream.Recv(&got); err != nil || got.Name != "a" {
			t.Errorf("then got %q, %v", got.Name, err)
		}
	})
	t.Run("unencodable opening", func(t *testing.T) {
		p := newPeer(t, tr, chat)
		_, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", make(chan int)), client.WithAddress(p.addr))
		if e := errors.FromError(err); e == nil || e.Id != "go.micro.client.codec" {
			t.Errorf("Stream returned %v", e)
		}
		testkit.Eventually(t, "the connection is closed", func() bool { _, open := p.connections(); return open == 0 })
	})
}

// Close does not wait for ever behind a Send that the peer does not take.
func TestCloseEndsASendThatThePeerDoesNotTake(t *testing.T) {
	t.Parallel()
	tr := transport.NewMemoryTransport()
	block := make(chan struct{})
	p := newPeer(t, tr, func(transport.Socket, *transport.Message) error { <-block; return nil })
	t.Cleanup(func() { close(block) })
	stream := openStream(t, newClient(t, tr), p.addr)
	progress, result := make(chan struct{}, 1000), make(chan error, 1)
	go func() {
		for {
			if err := stream.Send(&echoBody{"x"}); err != nil {
				result <- err
				return
			}
			progress <- struct{}{}
		}
	}()
	<-progress
	stream.Close()
	if err := <-result; err != client.ErrShutdown {
		t.Errorf("Send returned %v", err)
	}
}

func TestAStreamMayBeUsedConcurrently(t *testing.T) {
	tr := transport.NewHTTPTransport()
	p := newPeer(t, tr, chat)
	stream := openStream(t, newClient(t, tr), p.addr)
	const senders, each = 4, 50
	var work sync.WaitGroup
	for range senders {
		work.Go(func() {
			for range each {
				if err := stream.Send(&echoBody{"x"}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	work.Go(func() {
		for range senders * each {
			var got echoBody
			if err := stream.Recv(&got); err != nil || got.Name != "x" {
				t.Errorf("got %q, %v", got.Name, err)
				return
			}
			_ = stream.Response().Header()
		}
	})
	work.Wait()
	for range 3 {
		work.Go(func() { stream.Close() })
	}
	work.Wait()
}

func TestTheCodecsOfAStreamReadAndWriteItsMessages(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, chat)
	stream := openStream(t, newClient(t, tr), p.addr)
	if err := stream.Request().Codec().Write(nil, &echoBody{"a"}); err != nil {
		t.Fatal(err)
	}
	if body, err := stream.Response().Read(); err != nil || string(body) != `{"name":"a"}`+"\n" {
		t.Errorf("Read returned %q, %v", body, err)
	}
	if err := stream.Send(&echoBody{"b"}); err != nil {
		t.Fatal(err)
	}
	var m codec.Message
	var got echoBody
	r := stream.Response().Codec()
	if err := r.ReadHeader(&m, codec.Response); err != nil || m.Header["Micro-Stream"] != "0" {
		t.Errorf("ReadHeader read %+v, %v", m, err)
	}
	if err := r.ReadBody(&got); err != nil || got.Name != "b" {
		t.Errorf("ReadBody read %q, %v", got.Name, err)
	}
	if err := stream.Close(); err != nil {
		t.Error(err)
	}
	if err := r.ReadHeader(&m, codec.Response); err != client.ErrShutdown {
		t.Errorf("after Close ReadHeader returned %v", err)
	}
}

// closedCodec counts how often it was closed.
type closedCodec struct {
	codec.Codec
	closed *atomic.Int32
}

func (c closedCodec) Close() error {
	c.closed.Add(1)
	return c.Codec.Close()
}

func TestAStreamClosesItsCodecOnce(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, chat)
	var closed atomic.Int32
	counted := func(rwc io.ReadWriteCloser) codec.Codec { return closedCodec{json.NewCodec(rwc), &closed} }
	stream := openStream(t, newClient(t, tr, client.Codec("application/json", counted)), p.addr)
	if err := stream.Send(&echoBody{"a"}); err != nil {
		t.Fatal(err)
	}
	if err := stream.Recv(&echoBody{}); err != nil || closed.Load() != 0 {
		t.Fatalf("closed %d times while the stream is open: %v", closed.Load(), err)
	}
	for range 2 {
		if err := stream.Close(); err != nil {
			t.Error(err)
		}
		if n := closed.Load(); n != 1 {
			t.Errorf("closed %d times", n)
		}
	}
	if err := stream.Response().Codec().ReadBody(&echoBody{}); err != client.ErrShutdown {
		t.Errorf("ReadBody of a closed stream: %v", err)
	}
}

func TestCloseSendAfterTheEndReturnsWhatEndedTheStream(t *testing.T) {
	tr := transport.NewMemoryTransport()
	c := newClient(t, tr)
	p := newPeer(t, tr, fail("EOS"))
	stream := openStream(t, c, p.addr)
	if err := stream.Recv(nil); err != io.EOF {
		t.Fatalf("Recv returned %v", err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Errorf("after the server's end CloseSend returned %v", err)
	}
	lost := openStream(t, c, newPeer(t, tr, hangUp).addr)
	if err := lost.Recv(nil); err != io.ErrUnexpectedEOF {
		t.Fatalf("Recv returned %v", err)
	}
	if err := lost.CloseSend(); err != io.ErrUnexpectedEOF || lost.Error() != err {
		t.Errorf("after a loss CloseSend returned %v", err)
	}
}

func TestStreamPassesOverDeadNode(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, chat)
	c := newClient(t, tr, client.Selector(nodesAt("127.0.0.1:1", p.addr)), client.Retries(1))
	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", nil))
	if err != nil {
		t.Fatal(err)
	}
	stream.Close()
}

// Requests that the environment sends through a proxy.
func TestTheEnvironmentSendsRequestsThroughAProxy(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)

	t.Run("address", func(t *testing.T) {
		t.Setenv("MICRO_NETWORK_ADDRESS", p.addr)
		if got, err := call(context.Background(), newClient(t, tr), ""); err != nil || got != "Ada" {
			t.Fatalf("got %q, %v", got, err)
		}
		if got := p.received()[0].Header["Micro-Service"]; got != "greeter" {
			t.Errorf("Micro-Service is %s", got)
		}
	})
	t.Run("service", func(t *testing.T) {
		t.Setenv("MICRO_PROXY", "service")
		nodes := nodesAt(p.addr)
		if _, err := call(context.Background(), newClient(t, tr, client.Selector(nodes)), ""); err != nil {
			t.Fatal(err)
		}
		if nodes.services[0] != "go.micro.proxy" {
			t.Errorf("looked up %s", nodes.services[0])
		}
	})
	t.Run("streams are not retried", func(t *testing.T) {
		t.Setenv("MICRO_PROXY", "service")
		c := newClient(t, tr, client.Selector(nodesAt("127.0.0.1:1", p.addr)), client.Retries(5))
		if _, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", nil)); err == nil {
			t.Error("the stream went to the second node")
		}
	})
}

func TestAStreamInAnEnvelopeOpensWithItsRequestAndEndsWithEOS(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, silent)
	nodes := &fixedNodes{nodes: []*registry.Node{{Address: p.addr}}}
	c := newClient(t, tr, client.Selector(nodes))
	stream, err := c.Stream(context.Background(), c.NewRequest("greeter", "Greeter.Chat", &echoBody{"a"}))
	if err != nil {
		t.Fatal(err)
	}
	stream.Close()
	testkit.Eventually(t, "the end arrives", func() bool { return len(p.received()) == 2 })
	got := p.received()
	if got[0].Header["Content-Type"] != "application/json-rpc" || got[0].Header["Accept"] != "application/json" ||
		string(got[0].Body) != `{"method":"Greeter.Chat","params":[{"name":"a"}],"id":"0"}`+"\n" {
		t.Errorf("opening is %v %s", got[0].Header, got[0].Body)
	}
	if got[1].Header["Micro-Error"] != "EOS" || len(got[1].Body) != 0 {
		t.Errorf("end is %v %s", got[1].Header, got[1].Body)
	}
}

// Header maps are received into again, unless somebody has them.
func TestHeadersOfAMessageStayAsTheyWereHandedOut(t *testing.T) {
	tr := transport.NewHTTPTransport()
	p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
		h := replyHeader(m)
		h["Number"] = string(m.Body)
		return s.Send(&transport.Message{Header: h, Body: m.Body})
	})
	stream := openStream(t, newClient(t, tr), p.addr)
	var opening echoBody
	if err := stream.Recv(&opening); err != nil {
		t.Fatal(err)
	}
	var shown []map[string]string
	for i := range 12 {
		var got echoBody
		if err := stream.Send(&echoBody{strconv.Itoa(i)}); err != nil {
			t.Fatal(err)
		}
		if err := stream.Recv(&got); err != nil || got.Name != strconv.Itoa(i) {
			t.Fatalf("message %d: %q, %v", i, got.Name, err)
		}
		if i%3 == 0 {
			shown = append(shown, stream.Response().Header())
		}
	}
	for n, h := range shown {
		if want := `{"name":"` + strconv.Itoa(3*n) + `"}`; strings.TrimSpace(h["Number"]) != want {
			t.Errorf("the headers of message %d have become those of %s", 3*n, h["Number"])
		}
	}
}

func TestASendToAServerThatHasEndedTheStreamSaysWhy(t *testing.T) {
	for name, tr := range map[string]transport.Transport{
		"memory":      transport.NewMemoryTransport(),
		"multiplexed": transport.NewHTTPTransport(),
	} {
		for _, data := range []string{"", `{"name":"x"}`} {
			t.Run(name+data, func(t *testing.T) {
				p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
					if m.Header["Micro-Stream"] == "" {
						return echo(s, m)
					}
					if data != "" {
						if err := s.Send(&transport.Message{Header: replyHeader(m), Body: []byte(data)}); err != nil {
							return err
						}
					}
					h := replyHeader(m)
					h["Micro-Error"] = errors.Unauthorized("test", "no token").Error()
					if err := s.Send(&transport.Message{Header: h}); err != nil {
						return err
					}
					return io.EOF
				})
				c := newClient(t, tr)
				call := c.NewRequest("greeter", "Greeter.Hello", &echoBody{"x"}) // makes the connection that the stream shares
				if err := c.Call(t.Context(), call, new(echoBody), client.WithAddress(p.addr)); err != nil {
					t.Fatal(err)
				}
				stream := openStream(t, c, p.addr)
				var err error
				testkit.Eventually(t, "Send fails", func() bool { err = stream.Send(&echoBody{"x"}); return err != nil })
				if data != "" {
					rsp := new(echoBody)
					if err := stream.Recv(rsp); err != nil || rsp.Name != "x" {
						t.Errorf("what came before is %+v, %v", rsp, err)
					}
				} else if e, ok := errors.As(err); !ok || e.Code != 401 {
					t.Errorf("send: %v", err)
				}
				if e, ok := errors.As(stream.Recv(new(echoBody))); !ok || e.Code != 401 {
					t.Errorf("receive: %v", e)
				}
			})
		}
	}
}
