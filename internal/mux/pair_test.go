package mux_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// pair is the two ends of a connection.
type pair struct {
	client, server *mux.Conn
}

// serve is what the end that listened does with a socket.
type serve func(s *mux.Socket, h wire.Header, body []byte, here bool)

// newPair connects two ends. They end with the test, which waits for both.
func newPair(t testing.TB, client, server mux.Config, accept serve) *pair {
	t.Helper()
	client.Conn, server.Conn = tcpPair(t)
	return runPair(t, client, server, accept)
}

// runPair is newPair for ends that have connections.
func runPair(t testing.TB, client, server mux.Config, accept serve) *pair {
	t.Helper()
	server.Accept = accept
	p := &pair{mux.New(client), mux.New(server)}
	var running sync.WaitGroup
	running.Go(func() { p.client.Run(nil) })
	running.Go(func() { p.server.Run(nil) })
	t.Cleanup(func() {
		p.client.Close()
		p.server.Close()
		running.Wait()
	})
	return p
}

// tcpPair returns both ends of a TCP connection.
func tcpPair(t testing.TB) (dialled, accepted net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	accepting := make(chan net.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			c = nil
		}
		accepting <- c
	}()
	if dialled, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if accepted = <-accepting; accepted == nil {
		t.Fatal("not accepted")
	}
	return dialled, accepted
}

// echo answers calls with what they say, and sends back what sockets get.
func echo(s *mux.Socket, h wire.Header, body []byte, here bool) {
	if s.Single() {
		if here {
			s.SendFields([]wire.Field{{Name: "Content-Type", Value: "text/plain"}}, body)
		} else {
			go s.SendFields([]wire.Field{{Name: "Content-Type", Value: "text/plain"}}, body)
		}
		return
	}
	go func() {
		defer s.Close()
		for {
			var h wire.Header
			body, err := s.RecvHeader(&h)
			if err != nil {
				return
			}
			if s.SendFields(wire.AppendMap(nil, h.Map()), body) != nil {
				return
			}
		}
	}()
}

func call(c *mux.Conn, id uint64, body []byte) ([]byte, error) {
	var reply wire.Reply
	err := mux.NewCall().Do(c, &wire.Request{ID: id, Fields: []wire.Field{{Name: "Micro-Endpoint", Value: "Echo.Call"}}, Body: body}, &reply)
	return reply.Body, err
}

var _ io.Closer = (*mux.Conn)(nil)
