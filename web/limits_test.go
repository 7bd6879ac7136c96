package web_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/web"
)

// ask makes a request over a connection of its own, which stays open.
func ask(t *testing.T, at, header string, patience time.Duration) (*http.Response, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	go fmt.Fprintf(conn, "GET /hello HTTP/1.1\r\nHost: x\r\n%s\r\n", header) // which may be refused before its end
	rsp, _ := http.ReadResponse(bufio.NewReader(conn), nil)
	return rsp, conn
}

func TestTheDefaultLimitIs16384Connections(t *testing.T) {
	if s, _ := site(t); s.Options().MaxConnections != 16_384 {
		t.Errorf("the limit is %d", s.Options().MaxConnections)
	}
}

func TestNoMoreConnectionsThanTheLimitAreServed(t *testing.T) {
	s, _ := site(t, web.MaxConnections(1))
	s.HandleFunc("/hello", hello)
	at := start(t, s)
	rsp, first := ask(t, at, "", testkit.Patience)
	if rsp == nil {
		t.Fatal("the first connection is not served")
	}
	rsp, second := ask(t, at, "", time.Second)
	if rsp != nil {
		t.Error("a second connection is served")
	}
	_ = second.Close()
	_ = first.Close()
	if rsp, _ := ask(t, at, "", testkit.Patience); rsp == nil {
		t.Error("nothing is served when the first has ended")
	}
}

func TestAnyNumberOfConnectionsIsServedWithoutALimit(t *testing.T) {
	s, _ := site(t, web.MaxConnections(0))
	s.HandleFunc("/hello", hello)
	at := start(t, s)
	for i := range 3 {
		if rsp, _ := ask(t, at, "", testkit.Patience); rsp == nil {
			t.Errorf("connection %d is not served", i)
		}
	}
}

func TestAHeadOverTheLimitIsAnsweredWith431(t *testing.T) {
	giant := "X: " + strings.Repeat("x", 128<<10) + "\r\n"
	s, _ := site(t)
	s.HandleFunc("/hello", hello)
	if rsp, _ := ask(t, start(t, s), giant, testkit.Patience); rsp == nil || rsp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("the answer is %v", rsp)
	}
	s, _ = site(t, web.Server(&http.Server{MaxHeaderBytes: 1 << 20}))
	s.HandleFunc("/hello", hello)
	if rsp, _ := ask(t, start(t, s), giant, testkit.Patience); rsp == nil || rsp.StatusCode != http.StatusOK {
		t.Errorf("with a higher limit of the server the answer is %v", rsp)
	}
}

func TestTheTimesOfAGivenServerCount(t *testing.T) {
	s, _ := site(t, web.Server(&http.Server{ReadHeaderTimeout: time.Second, IdleTimeout: time.Second}))
	s.HandleFunc("/hello", hello)
	at := start(t, s)
	for name, text := range map[string]string{"half a head": "GET /hello HTTP/1.1\r\nHost:", "a request": "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprint(conn, text)
			_ = conn.SetReadDeadline(time.Now().Add(testkit.Patience))
			if _, err := io.ReadAll(conn); err != nil {
				t.Errorf("the connection stays: %v", err)
			}
		})
	}
}

// A server that was given is as it was each time that the service starts.
func TestAFloodOverHTTP2EndsWithEnhanceYourCalmAfterEachStart(t *testing.T) {
	for name, secure := range map[string]bool{"without TLS": false, "with TLS": true} {
		t.Run(name, func(t *testing.T) {
			var conns atomic.Int32
			given := &http.Server{ConnState: func(_ net.Conn, state http.ConnState) {
				if state == http.StateNew {
					conns.Add(1)
				}
			}}
			s, _ := site(t, web.Secure(secure), web.Server(given), web.RegisterInterval(time.Hour))
			s.HandleFunc("/", hello)
			for n := range int32(2) {
				at := start(t, s)
				conn, err := net.Dial("tcp", at)
				if err != nil {
					t.Fatal(err)
				}
				if secure {
					conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
				}
				c := testkit.NewH2(t, conn)
				if code := c.Flood(c.OpenAndReset); code != testkit.H2Calm {
					t.Errorf("after start %d the connection has ended with code %#x", n+1, code)
				}
				if err := s.Stop(); err != nil {
					t.Error(err)
				}
				if got := conns.Load(); got != n+1 {
					t.Errorf("after start %d the hook has seen %d connections", n+1, got)
				}
			}
		})
	}
}
