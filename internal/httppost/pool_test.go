package httppost_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/httppost"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// crowd posts n requests, each of which is answered when all have arrived.
func crowd(t *testing.T, c *httppost.Client, n int) {
	t.Helper()
	var arrived, posting sync.WaitGroup
	arrived.Add(n)
	s := serve(t, func(c *serverConn) {
		c.request()
		arrived.Done()
		arrived.Wait()
		c.reply(ok)
		c.waitForEnd()
	})
	for range n {
		posting.Go(func() {
			if _, _, err := c.Post(context.Background(), to(s)); err != nil {
				t.Error(err)
			}
		})
	}
	posting.Wait()
}

func TestConnectionClosedWhileIdleIsReplaced(t *testing.T) {
	closed := make(chan struct{}, 2)
	s := serve(t, func(c *serverConn) {
		c.request()
		c.reply(ok)
		c.Close()
		closed <- struct{}{}
	})
	c := newClient(t)
	for range 2 {
		wantOK(t, post(t, c, s))
		<-closed
		testkit.Eventually(t, "the end of the connection", func() bool { return !c.Quiet() })
	}
	if n := s.accepted.Load(); n != 2 {
		t.Errorf("%d connections were made", n)
	}
}

func TestUnaskedReplyEndsAConnection(t *testing.T) {
	s := serve(t, func(c *serverConn) {
		for c.request() != nil {
			c.reply(ok + "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
		}
	})
	c := newClient(t)
	for range 2 {
		wantOK(t, post(t, c, s))
		if c.Idle() > 0 {
			testkit.Eventually(t, "the unasked reply", func() bool { return !c.Quiet() })
		}
	}
	if n := s.accepted.Load(); n != 2 {
		t.Errorf("%d connections were made", n)
	}
}

func TestRequestThatDidNotFitThroughIsSentAnew(t *testing.T) {
	s := serve(t, func(c *serverConn) {
		c.request()
		c.reply(ok)
		if c.nr == 1 {
			c.in.ReadByte() // of the second request
			c.SetLinger(0)
			return
		}
		c.waitForEnd()
	})
	c, r := newClient(t), to(s)
	wantOK(t, post(t, c, s))
	r.Body = large
	resp, sent, err := c.Post(context.Background(), r)
	if err != nil || !sent {
		t.Fatalf("sent is %v, the error %v", sent, err)
	}
	wantOK(t, resp)
	if n := s.accepted.Load(); n != 2 {
		t.Errorf("%d connections were made", n)
	}
}

func TestRequestThatAPeerMayHaveHandledIsNotRepeated(t *testing.T) {
	s := serve(t, func(c *serverConn) {
		c.request()
		c.reply(ok)
		c.request()
	})
	c := newClient(t)
	wantOK(t, post(t, c, s))
	if _, sent, err := c.Post(context.Background(), to(s)); err == nil || !sent {
		t.Errorf("sent is %v, the error %v", sent, err)
	}
	if n := s.accepted.Load(); n != 1 {
		t.Errorf("%d connections were made", n)
	}
}

func TestIdleConnectionsAreBoundedForAnAddress(t *testing.T) {
	const n, limit = 10, 3
	c := newClient(t)
	c.MaxIdlePerAddr = limit
	crowd(t, c, n)
	if c.Idle() != limit {
		t.Errorf("%d connections are kept, want %d", c.Idle(), limit)
	}
}

func TestIdleConnectionsAreBoundedAltogether(t *testing.T) {
	const limit = 3
	c := newClient(t)
	c.MaxIdle = limit
	var servers []*server
	for range 2 * limit {
		s := serve(t, answering(ok))
		servers = append(servers, s)
		wantOK(t, post(t, c, s))
	}
	if c.Idle() != limit {
		t.Errorf("%d connections are kept, want %d", c.Idle(), limit)
	}
	for _, s := range servers[limit:] { // the longest idle gave way
		wantOK(t, post(t, c, s))
		if n := s.accepted.Load(); n != 1 {
			t.Errorf("%d connections were made", n)
		}
	}
}

func TestNoConnectionIsKeptWithoutALimit(t *testing.T) {
	s := serve(t, answering(ok))
	c := newClient(t)
	c.MaxIdlePerAddr = 0
	wantOK(t, post(t, c, s))
	if c.Idle() != 0 {
		t.Errorf("%d connections are kept", c.Idle())
	}
}

func TestIdleConnectionsEnd(t *testing.T) {
	ended := make(chan error, 1)
	s := serve(t, func(c *serverConn) {
		c.request()
		c.reply(ok)
		_, err := c.in.ReadByte()
		ended <- err
	})
	for name, end := range map[string]func() error{
		"CloseIdle": func() error {
			c := newClient(t)
			wantOK(t, post(t, c, s))
			c.CloseIdle()
			return <-ended
		},
		"Close": func() error {
			c := newClient(t)
			wantOK(t, post(t, c, s))
			c.Close()
			return <-ended
		},
		"a request after Close": func() error {
			c := newClient(t)
			c.Close()
			wantOK(t, post(t, c, s))
			return <-ended
		},
		"the time without a request": func() error {
			c := newClient(t)
			c.IdleTimeout = time.Millisecond
			wantOK(t, post(t, c, s))
			return <-ended
		},
	} {
		if err := end(); err != io.EOF {
			t.Errorf("%s: the peer reads %v", name, err)
		}
	}
}

func TestConnectionsThatPeersClosedDoNotStay(t *testing.T) {
	s := serve(t, func(c *serverConn) {
		c.request()
		c.reply(ok)
	})
	c := newClient(t)
	c.IdleTimeout = 8 * time.Minute // looked after each minute
	wantOK(t, post(t, c, s))
	testkit.Eventually(t, "the end of the connection", func() bool { return !c.Quiet() })
	c.Sweep()
	if c.Idle() != 0 {
		t.Errorf("%d connections are kept", c.Idle())
	}
}

func TestAClientMayBeUsedConcurrently(t *testing.T) {
	s := serve(t, answering(ok))
	c := newClient(t)
	c.MaxIdlePerAddr, c.IdleTimeout = 4, 5*time.Millisecond
	var posting sync.WaitGroup
	for range 8 {
		posting.Go(func() {
			for range 50 {
				resp, _, err := c.Post(context.Background(), to(s))
				if err != nil || string(resp.Body) != "ok" {
					t.Errorf("the reply is %+v, the error %v", resp, err)
				}
			}
		})
	}
	posting.Wait()
}
