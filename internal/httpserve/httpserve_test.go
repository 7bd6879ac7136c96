package httpserve_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/internal/httpserve"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// peer is a client whose writes nobody waits for until the end.
type peer struct {
	net.Conn
	writing sync.WaitGroup
}

// served runs a test with a connection to a server that has no limits of its own, in
// a bubble of synctest.
func served(t *testing.T, test func(t *testing.T, conn *peer)) {
	synctest.Test(t, func(t *testing.T) {
		l := testkit.NewPipes()
		run := httpserve.Start("test", new(http.Server), l, http.HandlerFunc(ok), quiet)
		defer run.Stop(t.Context()) //nolint:errcheck // the connections are closed
		p := &peer{Conn: l.Dial()}
		defer p.writing.Wait()
		defer p.Close()
		test(t, p)
	})
}

// lasts is how long a connection goes on.
func lasts(conn net.Conn) time.Duration {
	since := time.Now()
	_, _ = io.Copy(io.Discard, conn)
	return time.Since(since)
}

func TestAHeadMayTakeTenSeconds(t *testing.T) {
	for name, head := range map[string]string{"nothing": "", "a line": "GET / HTTP/1.1\r\n", "most of it": "GET / HTTP/1.1\r\nHost: x\r\n"} {
		t.Run(name, func(t *testing.T) {
			served(t, func(t *testing.T, conn *peer) {
				conn.writing.Go(func() {
					_, err := io.WriteString(conn, head)
					for err == nil { // a byte now and then keeps nobody waiting
						time.Sleep(time.Second)
						_, err = io.WriteString(conn, "x")
					}
				})
				if after := lasts(conn); after < 9*time.Second || after > 11*time.Second {
					t.Errorf("the connection ended after %v", after)
				}
			})
		})
	}
}

func TestAConnectionMayBeIdleForTwoMinutes(t *testing.T) {
	served(t, func(t *testing.T, conn *peer) {
		in := bufio.NewReader(conn)
		for range 3 {
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			rsp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, rsp.Body)
			time.Sleep(time.Minute)
		}
		if after := lasts(conn); after != time.Minute {
			t.Errorf("the connection ended %v later", after)
		}
	})
}

func TestAnHTTP2ConnectionWithoutARequestEnds(t *testing.T) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for name, sent := range map[string]string{
		"nothing more":    "",
		"half a header":   "\x00\x00\x01\x01\x00\x00\x00\x00\x01\x82", // without the flag that it is whole
		"half of a frame": "\x00\x40",
	} {
		t.Run(name, func(t *testing.T) {
			served(t, func(t *testing.T, conn *peer) {
				conn.writing.Go(func() { io.WriteString(conn, preface+sent) })
				if after := lasts(conn); after > 3*time.Minute {
					t.Errorf("the connection ended after %v", after)
				}
			})
		})
	}
}

func TestAHeadOver64KiBIsRefused(t *testing.T) {
	served(t, func(t *testing.T, conn *peer) {
		sent := 0
		conn.writing.Go(func() { sent, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", 1<<20)) })
		rsp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || rsp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("the answer is %v, %v", rsp, err)
		}
		_ = conn.Close()
		conn.writing.Wait()
		if sent > 512<<10 { // net/http reads on a little so that the answer arrives
			t.Errorf("%d bytes of it were read", sent)
		}
	})
}
