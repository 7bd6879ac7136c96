// Package http serves the profiles of the process over HTTP, under
// /debug/pprof/, for `go tool pprof` and browsers.
//
// The address is one of this machine alone, on port 6060 or, when another process
// has that, on a free one; the log says which. Everybody who reaches it can read
// the process's memory layout and slow it down: set another [DefaultAddress] only
// where none but operators can connect.
package http

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/debug/profile"
	"github.com/justcy/go-micro/v4/logger"
)

const (
	standardAddress = "127.0.0.1:6060"
	freeAddress     = "127.0.0.1:0"
)

// DefaultAddress is where profiles are served. It is read when a profile is
// made. One that a program sets must be free: only for the standard port another
// is taken.
var DefaultAddress = standardAddress

// headerTimeout bounds how long a client may take to send its request.
const headerTimeout = 10 * time.Second

// NewProfile returns a profile that serves at DefaultAddress from Start to
// Stop. Stop cuts off profiles that are still being taken.
func NewProfile(_ ...profile.Option) profile.Profile {
	return &server{address: DefaultAddress}
}

type server struct {
	address string

	mu      sync.Mutex
	running *http.Server  // nil when stopped
	served  chan struct{} // closed when running has ended
}

func (s *server) String() string { return "http" }

func (s *server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running != nil {
		return nil
	}
	listener, err := s.listen()
	if err != nil {
		return fmt.Errorf("serve profiles at %s: %w", s.address, err)
	}
	running := &http.Server{Handler: handler(), ReadHeaderTimeout: headerTimeout}
	served := make(chan struct{})
	go func() {
		defer close(served)
		// The error only says that the server was closed: Stop reports the rest.
		_ = running.Serve(listener)
	}()
	s.running, s.served = running, served
	logger.Infof("Profiles are served at http://%s%s", listener.Addr(), root)
	return nil
}

// listen listens at the address, or at a free port in place of the standard one.
func (s *server) listen() (net.Listener, error) {
	listener, err := net.Listen("tcp", s.address)
	if err != nil && s.address == standardAddress {
		listener, err = net.Listen("tcp", freeAddress)
	}
	return listener, err
}

func (s *server) Stop() error {
	s.mu.Lock()
	running, served := s.running, s.served
	s.running, s.served = nil, nil
	s.mu.Unlock()
	if running == nil {
		return nil
	}
	err := running.Close()
	<-served
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("stop serving profiles at %s: %w", s.address, err)
	}
	return nil
}
