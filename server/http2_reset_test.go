package server_test

import (
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
	c.Flood(func() error {
		var b []byte
		for range 100 { // at once, since the server may answer as fast as single ones are written
			var stream uint32
			b, stream = c.Open(b, true, "/", headers...)
			b = testkit.AppendReset(b, stream)
		}
		_, err := c.Write(b)
		return err
	})
}

func TestRapidResetsAreNotLoggedOneByOne(t *testing.T) {
	t.Parallel()
	logged := new(testkit.Buffer)
	log := logger.NewLogger(logger.WithOutput(logged), logger.WithLevel(logger.WarnLevel))
	s := newServer(t, server.Transport(transport.NewHTTPTransport(transport.Logger(log))), server.WithLogger(log))
	handle(t, s, newEcho())
	start(t, s)
	address := s.Options().Address
	var floods sync.WaitGroup
	for range 2 {
		for _, headers := range [][]string{
			{"content-type", "application/json", "micro-endpoint", "Echo.Call", "micro-service", "test", "micro-id", "1"},
			{"content-type", "application/grpc", "te", "trailers"},
			nil,
		} {
			conn := testkit.DialH2(t, address)
			floods.Go(func() { flood(conn, headers...) })
		}
	}
	floods.Wait()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	if n := strings.Count(logged.String(), "\n"); n > 6 {
		t.Errorf("six connections made %d lines: %.2000s", n, logged.String())
	}
}
