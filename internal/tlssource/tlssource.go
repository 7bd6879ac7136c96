// Package tlssource makes connections with what a source of TLS supplies.
package tlssource

import (
	"crypto/tls"
	"fmt"
	"sync"

	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// Server returns the configuration of a listener at e. It asks the source for each
// connection; that it can is found out now.
func Server(src mtls.Source, e mtls.Endpoint, protocols []string) (*tls.Config, error) {
	s := &server{src: src, at: e, protocols: protocols}
	if _, err := s.config(nil); err != nil {
		return nil, err
	}
	return &tls.Config{GetConfigForClient: s.config, MinVersion: tls.VersionTLS12}, nil
}

type server struct {
	src       mtls.Source
	at        mtls.Endpoint
	protocols []string

	mu         sync.Mutex
	given, own *tls.Config // what the source supplied last, and what is made of it
}

func (s *server) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	given, err := s.src.Server(s.at)
	if err != nil {
		return nil, fmt.Errorf("certificate of %s at %s: %w", s.at.Service, s.at.Addr, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if given != s.given {
		s.given, s.own = given, given.Clone()
		s.own.NextProtos = s.protocols
	}
	return s.own, nil
}

// Client returns the configuration of a dial to e.
func Client(src mtls.Source, e mtls.Endpoint, protocols []string) (*tls.Config, error) {
	config, err := src.Client(e)
	if err != nil {
		return nil, fmt.Errorf("certificate for a connection to %s at %s: %w", e.Service, e.Addr, err)
	}
	config = config.Clone()
	config.NextProtos = protocols
	return config, nil
}
