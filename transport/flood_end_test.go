package transport_test

import (
	"sync/atomic"
	"testing"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
)

// Kinds of HTTP/2 frames that only floods are made of here.
const (
	h2Priority     = 0x2
	h2WindowUpdate = 0x8
	h2Continuation = 0x9
)

// onOneStream floods a stream with empty frames of a kind. The flags are those of
// the headers that open it.
func onOneStream(kind, flags byte) func(c *testkit.H2Conn, b []byte) []byte {
	stream := uint32(0)
	return func(c *testkit.H2Conn, b []byte) []byte {
		if stream == 0 {
			b, stream = c.Open(b, false, "/")
			b[4] = flags
		}
		return testkit.AppendFrame(b, kind, 0, stream, nil)
	}
}

// paddingOnOneStream sends data that is padding alone.
func paddingOnOneStream() func(c *testkit.H2Conn, b []byte) []byte {
	stream := uint32(0)
	return func(c *testkit.H2Conn, b []byte) []byte {
		if stream == 0 {
			b, stream = c.Open(b, false, "/")
		}
		return testkit.AppendFrame(b, testkit.H2Data, 0x8, stream, []byte{0})
	}
}

func TestAFloodEndsItsConnection(t *testing.T) {
	t.Parallel()
	for name, flood := range map[string]func(c *testkit.H2Conn, b []byte) []byte{
		"requests that are reset at once": func(c *testkit.H2Conn, b []byte) []byte {
			b, stream := c.Open(b, true, "/", "micro-endpoint", "Echo.Call")
			return testkit.AppendReset(b, stream)
		},
		"requests with a body to come": func(c *testkit.H2Conn, b []byte) []byte {
			b, stream := c.Open(b, false, "/")
			return testkit.AppendReset(b, stream)
		},
		"requests that the server has to reset": func(c *testkit.H2Conn, b []byte) []byte {
			b, stream := c.Open(b, false, "/")
			return testkit.AppendFrame(b, 0x8, 0, stream, []byte{0, 0, 0, 0}) // a window update of nothing
		},
		"settings": func(_ *testkit.H2Conn, b []byte) []byte {
			return testkit.AppendFrame(b, testkit.H2Settings, 0, 0, nil)
		},
		"pings": func(_ *testkit.H2Conn, b []byte) []byte {
			return testkit.AppendFrame(b, testkit.H2Ping, 0, 0, make([]byte, 8))
		},
		"credit": func(_ *testkit.H2Conn, b []byte) []byte {
			return testkit.AppendFrame(b, h2WindowUpdate, 0, 0, []byte{0, 0, 0, 1})
		},
		"priorities": func(_ *testkit.H2Conn, b []byte) []byte {
			return testkit.AppendFrame(b, h2Priority, 0, 1, make([]byte, 5))
		},
		"frames of a kind that there is not": func(_ *testkit.H2Conn, b []byte) []byte {
			return testkit.AppendFrame(b, 0xee, 0, 0, nil)
		},
		"empty pieces of a body":   onOneStream(testkit.H2Data, 0x4),
		"padding of a body":        paddingOnOneStream(),
		"empty pieces of a header": onOneStream(h2Continuation, 0),
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
			code := make(chan int, 1)
			go func() { code <- c.End() }()
			sent := 0
			for ; sent < 100_000; sent += 10 {
				var b []byte
				for range 10 {
					b = flood(c, b)
				}
				if _, err := c.Write(b); err != nil {
					break
				}
			}
			if got := <-code; got != testkit.H2Calm {
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
		b, _ = c.Open(testkit.AppendReset(b, stream), true, "/", "micro-id", "answer")
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

// A client that answers all data with credit and a ping does what clients do.
func TestFramesThatTheExchangeExplainsAreFine(t *testing.T) {
	const messages = 5000
	l := listen(t, transport.NewHTTPTransport(quiet), func(s transport.Socket) {
		var m transport.Message
		for s.Recv(&m) == nil {
		}
		for range messages {
			if s.Send(&transport.Message{Body: []byte("x")}) != nil {
				return
			}
		}
	})
	c := testkit.DialH2(t, l.Addr())
	b, stream := c.Open(nil, true, "/")
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
	for got := 0; got < messages; {
		f, err := c.ReadFrame()
		if err != nil || f.Kind == testkit.H2GoAway {
			t.Fatalf("after %d messages: %+v, the error %v", got, f, err)
		}
		if f.Kind != testkit.H2Data || len(f.Payload) == 0 {
			continue
		}
		got += len(f.Payload)
		credit := []byte{0, 0, 0, byte(len(f.Payload))}
		b := testkit.AppendFrame(nil, h2WindowUpdate, 0, stream, credit)
		b = testkit.AppendFrame(b, h2WindowUpdate, 0, 0, credit)
		if _, err := c.Write(testkit.AppendFrame(b, testkit.H2Ping, 0, 0, make([]byte, 8))); err != nil {
			t.Fatal(err)
		}
	}
}
