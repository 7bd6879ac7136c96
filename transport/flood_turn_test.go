package transport_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/transport"
)

// visit connects, sends something and, if a reply is expected, reads until it has
// arrived.
func visit(p *testkit.Pipes, sends, reply string) error { return exchanges(p, [2]string{sends, reply}) }

// exchanges is a visit for several requests, each with its reply.
func exchanges(p *testkit.Pipes, all ...[2]string) error {
	here := p.Dial()
	arrived := make(chan string)
	var reading sync.WaitGroup
	reading.Go(func() {
		for _, x := range all {
			if reply := x[1]; reply != "" && untilReply(here, reply) == nil {
				arrived <- reply
			}
		}
		io.Copy(io.Discard, here)
	})
	defer reading.Wait()
	defer here.Close()
	for _, x := range all {
		if _, err := io.WriteString(here, x[0]); err != nil {
			return err
		}
		if x[1] != "" {
			<-arrived
		}
	}
	return nil
}

// room is how many connections a listener of these tests takes at once on which no
// request is served.
const room = 100

// inTime runs a test with a listener where time is simulated.
func inTime(t *testing.T, test func(t *testing.T, p *testkit.Pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := testkit.NewPipes()
		l, err := transport.NewHTTPTransport(quiet, extraHandler).Listen("", transport.NetListener(p))
		if err != nil {
			t.Fatal(err)
		}
		transport.ShareForNothing(l, room*50*time.Microsecond)
		serve(t, l, echo)
		test(t, p)
	})
}

// waited returns the simulated time that visitors wait, one after the other.
func waited(t *testing.T, p *testkit.Pipes, visitors int, all ...[2]string) time.Duration {
	t.Helper()
	began := time.Now()
	for i := range visitors {
		if err := exchanges(p, all...); err != nil {
			t.Fatalf("visitor %d: %v", i, err)
		}
		synctest.Wait()
	}
	return time.Since(began)
}

func extraHandler(o *transport.Options) {
	handlers := map[string]http.Handler{"/extra": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "from the extra handler")
	})}
	o.Context = context.WithValue(context.Background(), "http_handlers", handlers) //nolint:staticcheck // the key is a string
}

const (
	// h2Request opens the first stream with a POST of "/" and no more.
	h2Request = "\x00\x00\x06\x01\x05\x00\x00\x00\x01" + "\x83\x86\x84\x41\x01a"
	h2Reset   = "\x00\x00\x04\x03\x00\x00\x00\x00\x01" + "\x00\x00\x00\x08"
	muxCall   = "\x01\x1b\x00\x1a\x00\x00\x00\x02" + "\x00\x00" + "\x00\x00\x00\x04" + "\x00\x00\x00\x00\x00\x00\x00\x07" + "\x00\x00\x00\x00\x00\x00\x00\x00" + "call"
)

func TestConnectionsOnWhichNoRequestIsServedAreTakenInTurn(t *testing.T) {
	for name, sends := range map[string]string{
		"closed at once":                      "",
		"a request that is malformed":         "POST / HTTP/1.1\r\nbad\r\n\r\n",
		"a malformed one to net/http":         "GET / HTTP/1.1\r\nbad\r\n\r\n",
		"frames that open nothing":            mux.Preface,
		"HTTP/2 without a request":            testkit.H2Preface,
		"HTTP/2 with a request and its reset": testkit.H2Preface + h2Request + h2Reset,
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, p *testkit.Pipes) {
				if d := waited(t, p, 3*room, [2]string{sends}); d < time.Second {
					t.Errorf("three times as many as may come in a second came in %v", d)
				}
			})
		})
	}
}

func TestConnectionsOnWhichARequestIsServedDoNotWait(t *testing.T) {
	const hello = "POST / HTTP/1.1\r\nHost: x\r\nMicro-Id: 1\r\nContent-Length: 5\r\n\r\nhello"
	const extra = "GET /extra HTTP/1.1\r\nHost: x\r\n\r\n"
	const end1, end3 = "\x00\x00\x00\x00\x01\x00\x00\x00\x01", "\x00\x00\x00\x00\x01\x00\x00\x00\x03" // of streams
	for name, all := range map[string][][2]string{
		"HTTP/1.1":              {{hello, "hello"}, {hello, "hello"}},
		"an offer to multiplex": {{strings.Replace(openExchange, "; exchange", "", 1) + mux.Preface, "first"}, {muxCall, "call"}, {nextCall(muxCall), "call"}},
		"frames":                {{mux.Preface + muxCall, "call"}, {nextCall(muxCall), "call"}},
		"HTTP/2":                {{testkit.H2Preface + h2Request, end1}, {strings.Replace(h2Request, "\x00\x01\x83", "\x00\x03\x83", 1), end3}},
		"an extra handler":      {{extra, "from the extra handler"}, {extra, "from the extra handler"}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T, p *testkit.Pipes) {
				if d := waited(t, p, 3*room, all...); d > 0 {
					t.Errorf("they have waited for %v", d)
				}
				waited(t, p, room, [2]string{})
				waited(t, p, room/2, all...)
				if d := waited(t, p, room, [2]string{}); d < 700*time.Millisecond {
					t.Errorf("each of them made room for others, who came in %v", d)
				}
			})
		})
	}
}

// nextCall is a call by the socket after its.
func nextCall(call string) string { return strings.Replace(call, "\x02\x00\x00", "\x03\x00\x00", 1) }

func TestAListenerSaysOnceThatItTakesConnectionsSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logged := new(testkit.Buffer)
		log := logger.NewLogger(logger.WithOutput(logged), logger.WithLevel(logger.WarnLevel))
		p := testkit.NewPipes()
		l, err := transport.NewHTTPTransport(transport.Logger(log)).Listen("", transport.NetListener(p))
		if err != nil {
			t.Fatal(err)
		}
		transport.ShareForNothing(l, room*50*time.Microsecond)
		serve(t, l, echo)
		for range 30 * room {
			if err := visit(p, "", ""); err != nil {
				t.Fatal(err)
			}
		}
		if n := strings.Count(logged.String(), "takes new connections slowly"); n != 1 {
			t.Errorf("it says so %d times in %s", n, logged)
		}
	})
}

// The go-away of a connection that never was served follows the settings, with which
// a server begins (RFC 9113, section 3.4), and names no request that was.
func TestAFloodFromTheFirstByteOnIsToldWhyItEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := testkit.NewPipes()
		l, err := transport.NewHTTPTransport(quiet).Listen("", transport.NetListener(p))
		if err != nil {
			t.Fatal(err)
		}
		transport.ShareForNothing(l, 60*time.Microsecond) // there was more before
		serve(t, l, func(transport.Socket) { t.Error("a request is served") })
		here := p.Dial()
		go here.Write(testkit.ResetFlood(50))
		got, err := io.ReadAll(here)
		want := "\x00\x00\x00\x04\x00\x00\x00\x00\x00" + "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x00\x00\x00\x00" + "\x00\x00\x00\x0b"
		if string(got) != want || err != nil {
			t.Errorf("it is told %q, %v", got, err)
		}
		here.Close()
	})
}
