// Package testkit holds what the tests of this module share: waiting for a
// condition, free ports, and a check that no goroutine outlives its test.
package testkit

import (
	"net"
	"testing"
	"time"
)

// Patience is how long Eventually waits by default. It is far longer than
// anything here takes, because the machines that run tests stall for seconds.
const Patience = 30 * time.Second

// Eventually polls ok until it returns true, and fails t with what when it did
// not within Patience.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	EventuallyWithin(t, Patience, what, ok)
}

// EventuallyWithin is Eventually with a limit of the caller's.
func EventuallyWithin(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("did not happen within %v: %s", limit, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// FreePort returns a TCP port that was free on 127.0.0.1 a moment ago.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("no free port: %v", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Listens waits until somebody listens at an address.
func Listens(t testing.TB, address string) {
	t.Helper()
	Eventually(t, "somebody listens at "+address, func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
}
