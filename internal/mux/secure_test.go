package mux_test

import (
	"crypto/tls"
	"errors"
	"net"
	"testing"

	"github.com/justcy/go-micro/v4/internal/seal"
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
