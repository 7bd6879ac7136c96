package server_test

import (
	"io"
	"strings"
	"sync"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// flood sends requests that are reset at once until the server has had enough.
func flood(c *testkit.H2Conn, headers ...string) {
	var reading sync.WaitGroup
	reading.Go(func() { io.Copy(io.Discard, c) })
	for {
		b, stream := c.Open(nil, true, "/", headers...)
		b = testkit.AppendFrame(b, testkit.H2Reset, 0, stream, []byte{0, 0, 0, 8})
		if _, err := c.Write(b); err != nil {
			break
		}
	}
	c.Close()
	reading.Wait()
}

func TestRapidResetsAreNotLoggedOneByOne(t *testing.T) {
	logged := new(testkit.Buffer)
	log := logger.NewLogger(logger.WithOutput(logged), logger.WithLevel(logger.WarnLevel))
	s := newServer(t, server.Transport(transport.NewHTTPTransport(transport.Logger(log))), server.WithLogger(log))
	handle(t, s, newEcho())
	start(t, s)
	for range 2 {
		flood(testkit.DialH2(t, s.Options().Address), "content-type", "application/json", "micro-endpoint", "Echo.Call", "micro-service", "test", "micro-id", "1")
		flood(testkit.DialH2(t, s.Options().Address), "content-type", "application/grpc", "te", "trailers")
		flood(testkit.DialH2(t, s.Options().Address))
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(logged.String(), "\n"); n > 6 {
		t.Errorf("six connections made %d lines: %.2000s", n, logged.String())
	}
}
