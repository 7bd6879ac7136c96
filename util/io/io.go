// Package io turns a transport's socket into a byte stream.
package io

import (
	"io"
	"sync"

	"github.com/justcy/go-micro/v4/transport"
)

// NewRWC returns sock as a stream: each Write sends one message without
// headers, each Read returns bytes of one message and keeps those for which
// the buffer had no room. Read and Write may be called concurrently with each
// other; Close closes the socket.
func NewRWC(sock transport.Socket) io.ReadWriteCloser {
	return &stream{socket: sock}
}

type stream struct {
	socket transport.Socket
	mu     sync.Mutex // held while a message is received
	rest   []byte     // guarded by mu: received and not read
}

// Read returns bytes of the current message, or of the next when there is none.
// Empty messages are skipped.
func (s *stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.rest) == 0 {
		var m transport.Message
		if err := s.socket.Recv(&m); err != nil {
			return 0, err
		}
		s.rest = m.Body
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

// Write sends p as one message.
func (s *stream) Write(p []byte) (int, error) {
	if err := s.socket.Send(&transport.Message{Body: p}); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close closes the socket.
func (s *stream) Close() error { return s.socket.Close() }
