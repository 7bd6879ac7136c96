package transport_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
)

// attack connects again and again and sends the flood on each connection. It comes
// back at once, or when the server has ended the connection. It counts the
// connections and returns what ends it.
func attack(addr string, flood []byte, attackers int, patient bool) (made *atomic.Int64, stop func() (conns int64)) {
	var all sync.WaitGroup
	var over atomic.Bool
	made = new(atomic.Int64)
	for range attackers {
		all.Go(func() {
			for !over.Load() {
				conn, err := net.Dial("tcp", addr)
				if err != nil {
					return // the listener is closed
				}
				made.Add(1)
				var reading sync.WaitGroup
				reading.Go(func() { io.Copy(io.Discard, conn) })
				conn.SetDeadline(time.Now().Add(time.Second)) // the server may keep it waiting
				conn.Write(flood)
				if patient {
					reading.Wait()
				}
				conn.Close()
				reading.Wait()
			}
		})
	}
	return made, func() int64 {
		over.Store(true)
		all.Wait()
		return made.Load()
	}
}

// What a peer makes the server do is counted, as the time that others lose by it
// depends on the machine.
func TestCallsSucceedBesideAPeerThatFloodsOverAndOver(t *testing.T) {
	const (
		connections = 10
		requests    = 1000 // a connection
		served      = 300  // of them, and some more each second
		servedMore  = 20
	)
	logged := new(testkit.Buffer)
	log := logger.NewLogger(logger.WithOutput(logged), logger.WithLevel(logger.WarnLevel))
	var begun atomic.Int64
	l := listen(t, transport.NewHTTPTransport(transport.Logger(log)), func(s transport.Socket) {
		begun.Add(1)
		echo(s)
	})
	c := dial(t, transport.NewHTTPTransport(quiet), l.Addr(), transport.WithStream())
	call(t, c, "before")
	began := time.Now()
	made, stop := attack(l.Addr(), testkit.ResetFlood(requests), 2, false)
	testkit.Eventually(t, "the peer has come back again and again", func() bool {
		call(t, c, "beside")
		return made.Load() >= connections && begun.Load() > 1
	})
	conns := stop()
	call(t, c, "after")
	allowed := float64(conns) * (served + servedMore*time.Since(began).Seconds())
	if n := begun.Load() - 1; float64(n) > allowed {
		t.Errorf("%d requests were begun on %d connections, want at most %.0f", n, conns, allowed)
	}
	if n := strings.Count(logged.String(), "\n"); int64(n) > conns {
		t.Errorf("%d connections made %d lines: %.2000s", conns, n, logged.String())
	}
}

func TestAListenerMayBeClosedWhileRequestsEnd(t *testing.T) {
	flood := testkit.ResetFlood(100)
	for range 20 {
		l := listen(t, transport.NewHTTPTransport(quiet), func(s transport.Socket) {
			go func() { // until the socket ends
				var m transport.Message
				for s.Recv(&m) == nil {
				}
			}()
			s.Send(&transport.Message{Body: []byte("x")})
		})
		made, stop := attack(l.Addr(), flood, 1, false)
		testkit.Eventually(t, "requests are made", func() bool { return made.Load() > 0 })
		l.Close()
		stop()
	}
}
