package mux_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/seal"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/internal/wire"
	mtls "github.com/justcy/go-micro/v4/util/tls"
)

// plainAndSecured tests the two ends of a connection without TLS, and with it.
func plainAndSecured(t *testing.T, test func(t *testing.T, dialled, accepted net.Conn)) {
	t.Run("plain", func(t *testing.T) {
		dialled, accepted := tcpPair(t)
		test(t, dialled, accepted)
	})
	t.Run("tls", func(t *testing.T) {
		dialled, accepted := securePair(t)
		test(t, dialled, accepted)
	})
}

// securePair is tcpPair with TLS.
func securePair(t testing.TB) (dialled, accepted *tls.Conn) {
	t.Helper()
	cert, err := mtls.Certificate("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	a, b := tcpPair(t)
	dialled = seal.Client(a, &tls.Config{InsecureSkipVerify: true})
	accepted = seal.Server(b, &tls.Config{Certificates: []tls.Certificate{cert}})
	done := make(chan error, 1)
	go func() { done <- accepted.Handshake() }()
	if err := errors.Join(dialled.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	return dialled, accepted
}

// Nothing that was answered is lost when a connection is shut down, though its reader
// writes meanwhile that it takes no further calls.
func TestShutdownLosesNoAnswer(t *testing.T) {
	plainAndSecured(t, func(t *testing.T, _, _ net.Conn) {
		for range 100 {
			var answered, received atomic.Int64
			var handlers, callers, running sync.WaitGroup
			dialled, accepted := net.Conn(nil), net.Conn(nil)
			if strings.HasSuffix(t.Name(), "tls") {
				dialled, accepted = securePair(t)
			} else {
				dialled, accepted = tcpPair(t)
			}
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
	})
}
