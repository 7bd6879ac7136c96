package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Replies repeat what names their request, some of it twice. What is too long
// for that is refused in words that fit.
func TestOverlongNamesAreAnswered(t *testing.T) {
	long := strings.Repeat("x", 40<<10)
	onTransports(t, func(t *testing.T, opt server.Option) {
		p := serve(t, newEcho(), opt)
		for name, want := range map[string]string{
			"Micro-ID": "Micro-ID", "Micro-Stream": "Micro-Stream", "Content-Type": "Content-Type",
			"Micro-Endpoint": "Micro-Endpoint", "Micro-Method": "Micro-Method", "Micro-Service": "Micro-Service",
		} {
			h := jsonHeader("Echo.Call", "1")
			h[name] = long
			m := p.call(h, `{"text":"x"}`)
			p.wantError(m, want+" of 40960 bytes")
			if id := value(m, "Micro-ID"); name != "Micro-ID" && id != "1" {
				t.Errorf("%s: the reply has id %.20q", name, id)
			}
		}
		p.wantBody(p.call(jsonHeader("Echo.Call", "2"), `{"text":"x"}`), `{"text":"x"}`)
	})
}

func TestEventWhoseHeadersLeaveNoRoomForAnErrorIsAnswered(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		s := newServer(t, opt)
		subscribe(t, s, "news", func(context.Context, *Text) error { return errors.New(strings.Repeat("no ", 2000)) })
		start(t, s)
		p := dial(t, s)
		h := header{"Content-Type": "application/json", "Micro-Topic": "news", "Micro-ID": "7", "Large": strings.Repeat("x", 62<<10)}
		m := p.call(h, `{}`)
		p.wantError(m, "no no")
		if value(m, "Micro-ID") != "7" {
			t.Error("the answer does not say what it answers")
		}
	})
}

// Requests that are open hold their bodies, and one connection may have many.
func TestARequestWaitsForTheRoomThatOthersOfItsConnectionHold(t *testing.T) {
	onTransports(t, func(t *testing.T, opt server.Option) {
		s := newServer(t, opt)
		e := newEcho()
		handle(t, s, e)
		start(t, s)
		p := dial(t, s)
		frame := make([]byte, 15<<20)
		for i := range 5 {
			go p.conn.Send(&transport.Message{Header: header{"Content-Type": "application/octet-stream", "Micro-Service": "test", "Micro-Endpoint": "Echo.Hold", "Micro-Id": fmt.Sprint(i)}, Body: frame}) //nolint:errcheck // the replies tell
		}
		testkit.Eventually(t, "four requests are open", func() bool { return len(e.entered) == 4 })
		close(e.release)
		for range 5 {
			if m := p.recv(); value(m, "Micro-Error") != "" {
				t.Errorf("a request got %v", m.Header)
			}
		}
	})
}
