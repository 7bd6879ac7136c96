package mux_test

import (
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// Whoever receives alone reads the connection himself, and nobody does in between.
// A reply that is there must not wait for the clock that ends this. Enough is sent
// for credit to be given back many times over.
func TestNobodyWaitsForAReplyThatHasArrived(t *testing.T) {
	const exchanges = 2000
	body := make([]byte, 200)
	for _, beside := range []int{0, 1, 3} {
		t.Run(fmt.Sprintf("beside %d idle streams", beside), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := net.Pipe()
				p := runPair(t, mux.Config{Conn: a}, mux.Config{Conn: b}, echo)
				for range beside {
					s := openStream(t, p.client)
					defer s.Close()
					go s.RecvHeader(new(wire.Header))
				}
				synctest.Wait()
				for name, exchange := range map[string]func() error{
					"calls": func() error { _, err := call(p.client, 1, body); return err },
					"a stream": func() func() error {
						s := openStream(t, p.client)
						t.Cleanup(func() { s.Close() })
						return func() error {
							if err := s.SendFields(nil, body); err != nil {
								return err
							}
							_, err := s.RecvHeader(new(wire.Header))
							return err
						}
					}(),
				} {
					start := time.Now()
					for i := range exchanges {
						if err := exchange(); err != nil {
							t.Fatalf("exchange %d: %v", i, err)
						}
					}
					if took := time.Since(start); took != 0 {
						t.Errorf("%d exchanges of %s took %v of a clock that stands while anybody can go on", exchanges, name, took)
					}
				}
			})
		})
	}
}

func openStream(t *testing.T, c *mux.Conn) *mux.Socket {
	t.Helper()
	s, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SendFields(nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RecvHeader(new(wire.Header)); err != nil {
		t.Fatal(err)
	}
	return s
}
