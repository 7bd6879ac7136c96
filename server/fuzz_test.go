package server_test

import (
	"context"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// script is a socket on which messages arrive that were written before.
type script struct {
	messages []transport.Message
	sent     atomic.Int64
}

func (s *script) Recv(m *transport.Message) error {
	if len(s.messages) == 0 {
		return io.EOF
	}
	*m, s.messages = s.messages[0], s.messages[1:]
	return nil
}

func (s *script) Send(*transport.Message) error { s.sent.Add(1); return nil }
func (s *script) Close() error                  { return nil }
func (s *script) Local() string                 { return "local" }
func (s *script) Remote() string                { return "remote" }

// scriptOf reads messages of lines "Name: value", each ended by a line that
// starts with a space and holds the body.
func scriptOf(text string) *script {
	s := new(script)
	m := transport.Message{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if body, ok := strings.CutPrefix(line, " "); ok {
			m.Body = []byte(body)
			s.messages = append(s.messages, m)
			m = transport.Message{}
			continue
		}
		if m.Header == nil {
			m.Header = map[string]string{}
		}
		name, v, _ := strings.Cut(line, ": ")
		m.Header[name] = v
	}
	return s
}

func FuzzServeConn(f *testing.F) {
	const json = "Content-Type: application/json\n"
	for _, seed := range []string{
		" ", " {}",
		json + "Micro-Endpoint: Quick.Call\n {\"text\":\"x\"}\n",
		json + "Micro-Endpoint: Quick.Stream\nMicro-Stream: 1\n \n" + json + "Micro-Stream: 1\nMicro-Error: EOS\n \n" + json + "Micro-Endpoint: Quick.Stream\nMicro-Stream: 1\n {}\n",
		json + " {\"method\":\"Quick.Call\",\"params\":[{}],\"id\":\"1\"}\n",
		"Content-Type: application/proto-rpc\n \x00\x00\x00\x02\n",
		"Content-Type: application/grpc\n:path: /a.Quick/Call\n \x00\x00\x00\x00\x01x\n",
		json + ":path: /\nMicro-Endpoint: Quick.Call\n {\n" + json + ":path: /\n }\n",
		"Micro-Topic: news\n x\n",
		json + "Timeout: 18446744073709551616\nConnection: close\nMicro-Endpoint: Quick.Panic\n {}\n",
		"X-Micro-Endpoint: Quick.Call\nx-micro-service: a\nMICRO-ID: \xff\n \n",
	} {
		f.Add(seed)
	}
	s := newServer(f)
	handle(f, s, &Quick{newEcho()})
	subscribe(f, s, "news", func(context.Context, *Text) error { return nil })
	start(f, s)
	serve := s.(interface{ ServeConn(transport.Socket) }).ServeConn
	f.Fuzz(func(t *testing.T, text string) {
		c := scriptOf(text)
		requests := int64(len(c.messages))
		serve(c)
		if n := c.sent.Load(); n > 2*requests {
			t.Errorf("%d replies to %d messages", n, requests)
		}
	})
}

// Quick has the methods of Echo that wait for nothing.
type Quick struct{ echo *Echo }

func (q *Quick) Call(ctx context.Context, req, rsp *Text) error    { return q.echo.Call(ctx, req, rsp) }
func (q *Quick) Panic(ctx context.Context, req, rsp *Text) error   { return q.echo.Panic(ctx, req, rsp) }
func (q *Quick) Stream(ctx context.Context, s server.Stream) error { return q.echo.Stream(ctx, s) }
