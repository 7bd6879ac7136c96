package mux_test

import (
	"runtime"
	"testing"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/wire"
)

func TestAHandlerThatEndsItsGoroutineEndsNothingElse(t *testing.T) {
	p := newPair(t, mux.Config{}, mux.Config{}, func(s *mux.Socket, h wire.Header, body []byte, here bool) {
		if string(body) == "exit" {
			defer s.Close()
			if here {
				runtime.Goexit()
			}
			return
		}
		echo(s, h, body, here)
	})
	for i := range 5 {
		if _, err := call(p.client, uint64(i), []byte("exit")); err == nil {
			t.Error("a call without a reply succeeds")
		}
		if got, err := call(p.client, uint64(i), []byte("on")); err != nil || string(got) != "on" {
			t.Fatalf("a call afterwards: %q, %v", got, err)
		}
	}
}
