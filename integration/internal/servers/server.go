package servers

import (
	"fmt"
	"testing"
)

// Server is a server of one test, at an address that stays.
type Server struct {
	URL string

	t       testing.TB
	port    int
	running bool
	start   func(port int) error
	stop    func()
}

// newServer starts a server on a free port and stops it with the test.
func newServer(t testing.TB, scheme string, start func(port int) error, stop func()) *Server {
	t.Helper()
	var err error
	for range 5 {
		s := &Server{t: t, start: start, stop: stop}
		if s.port, err = freePort(); err != nil {
			break
		}
		if err = start(s.port); err == nil {
			s.running = true
			s.URL = fmt.Sprintf("%s://127.0.0.1:%d", scheme, s.port)
			t.Cleanup(s.Stop)
			return s
		}
	}
	t.Fatal(err)
	return nil
}

// Stop ends the server, and its connections with it.
func (s *Server) Stop() {
	if s.running {
		s.stop()
		s.running = false
	}
}

// Start starts the server again, with the data it had.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.start(s.port); err != nil {
		s.t.Fatal(err)
	}
	s.running = true
}
