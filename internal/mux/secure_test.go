package mux_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/seal"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/internal/wire"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// pairs connect two ends without TLS, and with it.
var pairs = map[string]func(testing.TB) (dialled, accepted net.Conn){"plain": tcpPair, "tls": securePair}

// plainAndSecured tests the two ends of a connection of each kind.
func plainAndSecured(t *testing.T, test func(t *testing.T, dialled, accepted net.Conn)) {
	for name, pair := range pairs {
		t.Run(name, func(t *testing.T) {
			dialled, accepted := pair(t)
			test(t, dialled, accepted)
		})
	}
}

// securePair is tcpPair with TLS.
func securePair(t testing.TB) (dialled, accepted net.Conn) {
	t.Helper()
	cert, err := mtls.Certificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	a, b := tcpPair(t)
	client := seal.Client(a, &tls.Config{InsecureSkipVerify: true})
	server := seal.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}})
	done := make(chan error, 1)
	go func() { done <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// Nothing that was answered is lost when a connection is shut down, though its reader
// writes meanwhile that it takes no further calls.
func TestShutdownLosesNoAnswer(t *testing.T) {
	for name, pair := range pairs {
		t.Run(name, func(t *testing.T) {
			for range 100 {
				shutsDownWithoutLoss(t, pair)
			}
		})
	}
}

func shutsDownWithoutLoss(t *testing.T, pair func(testing.TB) (dialled, accepted net.Conn)) {
	t.Helper()
	var answered, received atomic.Int64
	var handlers, callers, running sync.WaitGroup
	dialled, accepted := pair(t)
	server := mux.New(mux.Config{Conn: accepted, Accept: func(s *mux.Socket, _ wire.Header, _ []byte, _ bool) {
		handlers.Go(func() {
			if s.SendFields(nil, make([]byte, 10)) == nil {
				answered.Add(1)
			}
			s.Close()
		})
	}})
	client := mux.New(mux.Config{Conn: dialled})
	running.Go(func() { client.Run(nil) })
	running.Go(func() { server.Run(nil) })
	for range 8 {
		callers.Go(func() {
			for {
				if _, err := call(client, 0, make([]byte, 20_000)); err != nil {
					return
				}
				received.Add(1)
			}
		})
	}
	testkit.Eventually(t, "calls are answered", func() bool { return answered.Load() > 8 })
	server.GoAway()
	testkit.Eventually(t, "what was taken is answered", func() bool { return server.Sockets() == 0 })
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	server.Shutdown(ctx)
	cancel()
	callers.Wait()
	client.Close()
	running.Wait()
	handlers.Wait()
	if a, r := answered.Load(), received.Load(); r < a {
		t.Fatalf("%d calls were answered, %d have got it", a, r)
	}
}
