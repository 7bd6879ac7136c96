package mux_test

import (
	"net"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
)

// tcp returns both ends of a connection on the loopback interface.
func tcp(t testing.TB) (client, server net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// serve runs a connection that listened: fn gets each socket.
func serve(t testing.TB, conn net.Conn, config mux.Config, fn func(*mux.Socket)) *mux.Conn {
	t.Helper()
	var running sync.WaitGroup
	config.Conn, config.Server = conn, true
	config.Accept = func(s *mux.Socket) {
		running.Go(func() {
			defer s.Close()
			fn(s)
		})
	}
	return run(t, config, &running)
}

// dial runs a connection that dialled.
func dial(t testing.TB, conn net.Conn, config mux.Config) *mux.Conn {
	t.Helper()
	config.Conn = conn
	return run(t, config, new(sync.WaitGroup))
}

func run(t testing.TB, config mux.Config, running *sync.WaitGroup) *mux.Conn {
	c := mux.New(config)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(nil)
	}()
	t.Cleanup(func() {
		c.Close()
		<-ended
		running.Wait()
	})
	return c
}

// pair connects two ends over TCP.
func pair(t testing.TB, config mux.Config, fn func(*mux.Socket)) (client, server *mux.Conn) {
	t.Helper()
	a, b := tcp(t)
	return dial(t, a, config), serve(t, b, config, fn)
}

func echo(s *mux.Socket) {
	var m mux.Message
	for s.Recv(&m, 0) == nil {
		if s.Send(&m, 0) != nil {
			return
		}
	}
}

func open(t testing.TB, c *mux.Conn) *mux.Socket {
	t.Helper()
	s, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
