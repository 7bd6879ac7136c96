package transport_test

import (
	"encoding/binary"
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
)

// resetFrame cancels a stream.
func resetFrame(b []byte, stream uint32) []byte {
	return testkit.AppendFrame(b, testkit.H2Reset, 0, stream, []byte{0, 0, 0, 8})
}

// goAway reads frames until the connection ends and returns the error code of
// the go-away, 0 without one.
func goAway(c *testkit.H2Conn) (code uint32) {
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return code
		}
		if f.Kind == testkit.H2GoAway && len(f.Payload) >= 8 {
			code = binary.BigEndian.Uint32(f.Payload[4:])
		}
	}
}

const enhanceYourCalm = 0xb

func TestRapidResetsEndTheirConnection(t *testing.T) {
	for name, flood := range map[string]func(c *testkit.H2Conn, b []byte) []byte{
		"requests that are reset at once": func(c *testkit.H2Conn, b []byte) []byte {
			b, stream := c.Open(b, true, "/", "micro-endpoint", "Echo.Call")
			return resetFrame(b, stream)
		},
		"requests with a body to come": func(c *testkit.H2Conn, b []byte) []byte {
			b, stream := c.Open(b, false, "/")
			return resetFrame(b, stream)
		},
		"requests that the server has to reset": func(c *testkit.H2Conn, b []byte) []byte {
			b, stream := c.Open(b, false, "/")
			return testkit.AppendFrame(b, 0x8, 0, stream, []byte{0, 0, 0, 0}) // a window update of nothing
		},
		"settings": func(_ *testkit.H2Conn, b []byte) []byte {
			return testkit.AppendFrame(b, testkit.H2Settings, 0, 0, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var begun atomic.Int64
			l := listen(t, transport.NewHTTPTransport(quiet), func(s transport.Socket) {
				begun.Add(1)
				for {
					var m transport.Message
					if s.Recv(&m) != nil {
						return
					}
				}
			})
			c := testkit.DialH2(t, l.Addr())
			code := make(chan uint32, 1)
			go func() { code <- goAway(c) }()
			sent := 0
			for ; sent < 100_000; sent++ {
				if _, err := c.Write(flood(c, nil)); err != nil {
					break
				}
			}
			if got := <-code; got != enhanceYourCalm {
				t.Errorf("after %d floods the connection ends with code %d", sent, got)
			}
			if n := begun.Load(); n > 1000 {
				t.Errorf("%d requests were begun", n)
			}
			exchange(t, dial(t, transport.NewHTTPTransport(), listen(t, transport.NewHTTPTransport(), echo).Addr()), "still here")
		})
	}
}

// A client that gives up some of its requests is a good client.
func TestCancelledRequestsAmongAnsweredOnesAreFine(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(quiet), func(s transport.Socket) {
		var m transport.Message
		for s.Recv(&m) == nil {
			if m.Header["Micro-Id"] == "answer" && s.Send(&m) != nil {
				return
			}
		}
	})
	c := testkit.DialH2(t, l.Addr())
	for i := range 600 {
		b, stream := c.Open(nil, false, "/")
		b, _ = c.Open(resetFrame(b, stream), true, "/", "micro-id", "answer")
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
		for answered := false; !answered; {
			f, err := c.ReadFrame()
			if err != nil || f.Kind == testkit.H2GoAway {
				t.Fatalf("round %d: %+v, the error %v", i, f, err)
			}
			answered = f.Stream > stream && (f.Kind == testkit.H2Data || f.Kind == testkit.H2Headers) && f.Flags&testkit.H2EndStream != 0
		}
	}
}
