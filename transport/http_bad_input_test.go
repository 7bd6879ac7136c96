package transport_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/transport"
)

// raw sends bytes to addr, ends the sending side if asked to, and returns all
// that comes back.
func raw(t *testing.T, addr, send string, half bool) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.WriteString(conn, send); err != nil {
		t.Logf("the peer stopped listening: %v", err)
	}
	if half {
		conn.(*net.TCPConn).CloseWrite()
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Logf("reading the answer: %v", err)
	}
	return string(got)
}

func TestBadInputIsAnsweredAndDisturbsNobody(t *testing.T) {
	tr := transport.NewHTTPTransport(transport.MaxMessageSize(1000), quiet)
	l := listen(t, tr, echo)
	other := dial(t, tr, l.Addr())
	const good = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"
	for name, tt := range map[string]struct{ send, want string }{
		"garbage":                          {"\x00\x01\x02garbage", "HTTP/1.1 400 "},
		"a TLS hello":                      {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "HTTP/1.1 400 "},
		"another protocol":                 {"EHLO example.org\r\n", "HTTP/1.1 400 "},
		"an unknown version":               {"POST / HTTP/3.0\r\n\r\n", "HTTP/1.1 505 "},
		"a smuggled request":               {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 "},
		"an oversized body":                {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" + strings.Repeat("x", 1001), "HTTP/1.1 413 "},
		"an oversized chunk":               {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", "HTTP/1.1 413 "},
		"an oversized header":              {"POST / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 70<<10), "HTTP/1.1 431 "},
		"a header bomb":                    {"POST / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("A: b\r\n", 600), "HTTP/1.1 431 "},
		"a body too large to be asked for": {"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999\r\n\r\n", "HTTP/1.1 413 "},
		"a bad second message":             {good + "nonsense\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + "HTTP/1.1 400 "},
		"an oversized second message": {good + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999\r\n\r\n",
			"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" + "HTTP/1.1 413 "},
	} {
		t.Run(name, func(t *testing.T) {
			got := raw(t, l.Addr(), tt.send, false)
			if !strings.HasPrefix(got, tt.want) {
				t.Errorf("the answer is %q, want %q", got, tt.want)
			}
			if !strings.Contains(got, "Connection: close\r\n") {
				t.Errorf("the answer %q does not announce the end", got)
			}
			if m := exchange(t, other, "still here"); string(m.Body) != "still here" {
				t.Errorf("another connection gets %q", m.Body)
			}
		})
	}
}

func TestTruncatedMessagesReachNobody(t *testing.T) {
	called := make(chan struct{}, 10)
	l := listen(t, transport.NewHTTPTransport(quiet), func(transport.Socket) { called <- struct{}{} })
	for _, send := range []string{"", "P", "POST / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell"} {
		if got := raw(t, l.Addr(), send, true); got != "" {
			t.Errorf("%q is answered with %q", send, got)
		}
	}
	select {
	case <-called:
		t.Error("the accept function was called")
	default:
	}
}

func TestAHalfClosedPeerGetsItsReply(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(), echo)
	got := raw(t, l.Addr(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok", true)
	if got != "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" {
		t.Errorf("the reply is %q", got)
	}
}

// A peer that sends slower than the handshake timeout holds a connection no
// longer than that.
func TestSlowHeadersAreCutOff(t *testing.T) {
	t.Parallel()
	l := listen(t, transport.NewHTTPTransport(transport.HandshakeTimeout(time.Second), quiet), echo)
	const good = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"
	var all sync.WaitGroup
	for send, want := range map[string]string{
		"":                                "",
		"POST / HT":                       "HTTP/1.1 408 ",
		"POST / HTTP/1.1\r\nHost: a\r\n":  "HTTP/1.1 408 ",
		good + "POST / HTTP/1.1\r\nHost:": "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 408 ",
	} {
		all.Go(func() {
			if got := raw(t, l.Addr(), send, false); !strings.HasPrefix(got, want) || (want == "" && got != "") {
				t.Errorf("%q is answered with %q, want %q", send, got, want)
			}
		})
	}
	all.Wait()
}

func TestIdleConnectionsAreClosedWhenAsked(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(transport.IdleTimeout(50*time.Millisecond), quiet), echo)
	got := raw(t, l.Addr(), "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok", false)
	if !strings.HasSuffix(got, "\r\n\r\nok") {
		t.Errorf("before the end came %q", got)
	}
}

func TestTheClientRefusesBadResponses(t *testing.T) {
	for name, tt := range map[string]struct{ reply, want string }{
		"garbage":          {"220 mail.example.org\r\n", "not an HTTP message"},
		"an unasked 101":   {"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", "unasked switch of protocols"},
		"two lengths":      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "conflicting Content-Length"},
		"an oversized one": {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", "message too large"},
		"a truncated one":  {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				http.ReadRequest(bufio.NewReader(conn))
				io.WriteString(conn, tt.reply)
			}()
			c := dial(t, transport.NewHTTPTransport(transport.MaxMessageSize(1000)), l.Addr().String())
			if err := c.Send(&transport.Message{}); err != nil {
				t.Fatal(err)
			}
			var m transport.Message
			for range 2 {
				err := c.Recv(&m)
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("the error is %v, want %q", err, tt.want)
				}
				c.Send(&transport.Message{})
			}
			if c.(transport.Reuser).Reusable() {
				t.Error("the connection is reusable")
			}
		})
	}
}

func TestPlainHTTPToATLSListenerIsTold(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(transport.Secure(true), quiet), echo)
	got := raw(t, l.Addr(), "POST / HTTP/1.1\r\nHost: a\r\n\r\n", false)
	if !strings.HasPrefix(got, "HTTP/1.1 400 ") || !strings.Contains(got, "https") {
		t.Errorf("the answer is %q", got)
	}
}

func TestManyBadConnectionsLeaveNothingBehind(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(quiet), echo)
	for i := range 50 {
		raw(t, l.Addr(), fmt.Sprintf("bad %d\r\n\r\n", i), true)
	}
}
