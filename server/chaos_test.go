package server_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// What a server is put through by careless owners and hostile peers at once:
// it is started, stopped, configured and added to while peers call it, open
// streams, send nonsense and vanish. Nothing is left when it stops.
func TestNothingIsLeftOfAServerThatWasStoppedInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newServer(t, server.Transport(transport.NewHTTPTransport(transport.Logger(quiet()))), server.DrainTimeout(50*time.Millisecond))
	echo := newEcho()
	handle(t, s, echo, new(Careless))
	start(t, s)
	address := s.Options().Address
	if err := s.Init(server.Address(address)); err != nil { // so that every Start listens there
		t.Fatal(err)
	}
	var over atomic.Bool
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { torment(&over, address) })
	}
	all.Go(func() {
		for i := 0; !over.Load(); i++ {
			name := fmt.Sprintf("topic%d", i%50)
			_ = s.Subscribe(s.NewSubscriber(name, func(context.Context, *Text) error { return nil }))
			_ = s.Init(server.Metadata(map[string]string{"i": name}), server.WrapHandler(pass))
			_ = s.Init(func(o *server.Options) { o.HdlrWrappers = nil })
			s.Options()
		}
	})
	for range 4 {
		var stops sync.WaitGroup
		for range 3 {
			stops.Go(func() {
				if err := s.Stop(); err != nil {
					t.Errorf("stop: %v", err)
				}
			})
		}
		stops.Wait()
		for range 2 {
			stops.Go(func() {
				if err := s.Start(); err != nil {
					t.Errorf("start: %v", err)
				}
			})
		}
		stops.Wait()
	}
	over.Store(true)
	all.Wait()
	p := dial(t, s)
	p.wantBody(p.call(jsonHeader("Echo.Call", "1"), `{"text":"alive"}`), `{"text":"alive"}`)
	stopSoon(t, s)
}

func pass(next server.HandlerFunc) server.HandlerFunc { return next }

// torment is a peer that is up to no good.
func torment(over *atomic.Bool, address string) {
	const post = "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nMicro-Service: test\r\nContent-Length: %d\r\n"
	json := `{"text":"x"}`
	call := fmt.Sprintf(post, len(json)) + "Micro-Endpoint: %s\r\nMicro-Id: %d\r\n\r\n" + json
	stream := fmt.Sprintf(post, len(json)) + "Micro-Endpoint: Echo.Stream\r\nMicro-Id: %[1]d\r\nMicro-Stream: %[1]d\r\n\r\n" + json
	kinds := []func() string{
		func() string { return fmt.Sprintf(call, "Echo.Call", rand.IntN(9)) },
		func() string { return fmt.Sprintf(call, "Echo.Panic", rand.IntN(9)) },
		func() string { return fmt.Sprintf(call, "Careless.TypedNil", rand.IntN(9)) },
		func() string { return fmt.Sprintf(call, "Careless.Exit", rand.IntN(9)) },
		func() string { return fmt.Sprintf(call, "Careless.Wait", rand.IntN(9)) },
		func() string { return fmt.Sprintf(call, "nodot", rand.IntN(9)) },
		func() string { return fmt.Sprintf(stream, rand.IntN(9)) },
		func() string { return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf" },
		func() string { return "\x00garbage\r\n\r\n" },
		func() string { return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage" },
	}
	for !over.Load() {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err != nil {
			continue // it is stopped at the moment
		}
		for range rand.IntN(20) {
			if _, err := io.WriteString(conn, kinds[rand.IntN(len(kinds))]()); err != nil {
				break
			}
		}
		if rand.IntN(2) == 0 { // read what there is
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
			_, _ = io.CopyN(io.Discard, conn, 1<<16)
		}
		_ = conn.Close()
	}
}
