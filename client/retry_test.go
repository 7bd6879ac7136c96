package client_test

import (
	"context"
	stderrors "errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

func TestRetryOnErrorRetriesOnlyTimeouts(t *testing.T) {
	for _, e := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{errors.Timeout("x", "slow"), true},
		{errors.InternalServerError("x", "broken"), false},
		{stderrors.New("plain"), false},
		{stderrors.New(errors.Timeout("x", "text").Error()), true},
	} {
		if got, err := client.RetryOnError(context.Background(), nil, 0, e.err); got != e.want || err != nil {
			t.Errorf("%v: %v, %v", e.err, got, err)
		}
	}
	if got, _ := client.RetryAlways(context.Background(), nil, 9, nil); !got {
		t.Error("RetryAlways does not")
	}
}

func TestTheDefaultBackoffGrowsWithTheAttempts(t *testing.T) {
	want := []time.Duration{0, 100 * time.Millisecond, 600 * time.Millisecond, 1900 * time.Millisecond, 4300 * time.Millisecond, 7900 * time.Millisecond}
	for i, w := range want {
		if got, err := client.DefaultBackoff(context.Background(), nil, i); got != w || err != nil {
			t.Errorf("attempt %d waits %v, %v, want %v", i, got, err, w)
		}
	}
}

func TestRetriesWaitOutTheirBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		p := newPeer(t, tr, fail(errors.Timeout("x", "slow").Error()))
		c := newClient(t, tr, client.Retries(client.DefaultRetries))
		start := time.Now()
		_, err := call(context.Background(), c, p.addr)
		if errors.FromError(err).Code != 408 {
			t.Errorf("got %v", err)
		}
		if n := len(p.received()); n != 6 {
			t.Errorf("%d attempts, want 6", n)
		}
		if took := time.Since(start); took != 14800*time.Millisecond {
			t.Errorf("took %v, want 14.8s of backoff", took)
		}
	})
}

func TestApplicationErrorIsNotRetried(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, fail(errors.InternalServerError("x", "broken").Error()))
	_, err := call(context.Background(), newClient(t, tr, client.Retries(5)), p.addr)
	if errors.FromError(err).Code != 500 || len(p.received()) != 1 {
		t.Errorf("%d attempts, %v", len(p.received()), err)
	}
}

func TestErrorOfRetryIsReturned(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, fail("no"))
	want := stderrors.New("give up")
	retry := func(_ context.Context, _ client.Request, i int, err error) (bool, error) {
		if i == 1 {
			return true, want
		}
		return true, nil
	}
	_, err := call(context.Background(), newClient(t, tr, client.Retries(5), client.Retry(retry), client.Backoff(nil)), p.addr)
	if err != want || len(p.received()) != 2 {
		t.Errorf("%d attempts, %v", len(p.received()), err)
	}
}

// Half the calls failed when one of two nodes was dead.
func TestDeadNodeIsPassedOver(t *testing.T) {
	for name, tr := range map[string]transport.Transport{
		"memory": transport.NewMemoryTransport(),
		"http":   transport.NewHTTPTransport(),
	} {
		t.Run(name, func(t *testing.T) {
			dead := newPeer(t, tr, echo)
			dead.listener.Close()
			live := newPeer(t, tr, echo)
			nodes := nodesAt(dead.addr, live.addr)
			asked := false
			retry := func(context.Context, client.Request, int, error) (bool, error) { asked = true; return false, nil }
			slow := func(_ context.Context, _ client.Request, i int) (time.Duration, error) {
				return time.Duration(i) * time.Hour, nil
			}
			c := newClient(t, tr, client.Selector(nodes), client.Retries(1), client.Retry(retry), client.Backoff(slow))
			for range 10 {
				if got, err := call(context.Background(), c, ""); err != nil || got != "Ada" {
					t.Fatalf("got %q, %v", got, err)
				}
			}
			if asked {
				t.Error("Retry was asked about an attempt that reached no handler")
			}
			for _, m := range nodes.marked() {
				unreachable := stderrors.Is(m.err, selector.ErrUnreachable)
				if m.service != "greeter" || unreachable != (m.address == dead.addr) || (m.err == nil) != (m.address == live.addr) {
					t.Errorf("marked %+v", m)
				}
			}
		})
	}
}

func TestWithoutRetriesADeadNodeIsNotPassedOver(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	nodes := nodesAt("127.0.0.1:1", p.addr)
	_, err := call(context.Background(), newClient(t, tr, client.Selector(nodes), client.Retries(0)), "")
	if err == nil || len(p.received()) != 0 {
		t.Errorf("got %v and %d requests, want the connection error", err, len(p.received()))
	}
}

// With no other node to go to Retry decides, as about every failure.
func TestRetryDecidesWhenThereIsNoOtherNode(t *testing.T) {
	tr := transport.NewMemoryTransport()
	asked := 0
	retry := func(context.Context, client.Request, int, error) (bool, error) { asked++; return false, nil }
	c := newClient(t, tr, client.Retries(5), client.Retry(retry))
	if _, err := call(context.Background(), c, "127.0.0.1:1"); err == nil || asked != 1 {
		t.Errorf("Retry was asked %d times, %v", asked, err)
	}
}

// A server that is killed takes the calls it was serving with it.
func TestLostConnectionIsRepeatedElsewhere(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p, other := newPeer(t, tr, hangUp), newPeer(t, tr, echo)
	c := newClient(t, tr, client.Selector(nodesAt(p.addr, other.addr)), client.Retries(5), client.Backoff(nil))
	if _, err := call(context.Background(), c, ""); err != nil || len(other.received()) != 1 {
		t.Errorf("the request was not repeated: %v", err)
	}
}

// A request that crashes its server must not crash all of them.
func TestLostConnectionIsRepeatedOnce(t *testing.T) {
	tr := transport.NewMemoryTransport()
	first, second, third := newPeer(t, tr, hangUp), newPeer(t, tr, hangUp), newPeer(t, tr, echo)
	c := newClient(t, tr, client.Selector(nodesAt(first.addr, second.addr, third.addr)), client.Retries(5), client.Backoff(nil))
	if _, err := call(context.Background(), c, ""); err == nil || len(third.received()) != 0 {
		t.Errorf("the request went on to a third node: %v", err)
	}
}

func TestLostConnectionIsNotRepeatedAgainstTheCallersWill(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p, other := newPeer(t, tr, hangUp), newPeer(t, tr, echo)
	c := newClient(t, tr, client.Selector(nodesAt(p.addr, other.addr)), client.Retries(0))
	if _, err := call(context.Background(), c, ""); err == nil || len(other.received()) != 0 {
		t.Errorf("the request was repeated: %v", err)
	}
}

func TestRetryGoesToAnotherNode(t *testing.T) {
	tr := transport.NewMemoryTransport()
	slow := newPeer(t, tr, fail(errors.Timeout("x", "slow").Error()))
	quick := newPeer(t, tr, echo)
	nodes := nodesAt(slow.addr, slow.addr, slow.addr, quick.addr)
	c := newClient(t, tr, client.Selector(nodes), client.Retries(1))
	if got, err := call(context.Background(), c, ""); err != nil || got != "Ada" {
		t.Errorf("got %q, %v", got, err)
	}
}

// Retries hit the same address, picked by the second of the clock.
func TestStaticAddressesTakeTurns(t *testing.T) {
	tr := transport.NewMemoryTransport()
	var tried []string
	fail := dialAddr{tr, func(addr string) error {
		tried = append(tried, addr)
		return fmt.Errorf("%w: %s is down", transport.ErrNotSent, addr)
	}}
	c := newClient(t, fail, client.Retries(5))
	for range 3 {
		if _, err := call(context.Background(), c, "", client.WithAddress("a:1", "b:1", "c:1")); err == nil {
			t.Fatal("no error")
		}
	}
	want := []string{"a:1", "b:1", "c:1", "b:1", "c:1", "a:1", "c:1", "a:1", "b:1"}
	if !slices.Equal(tried, want) {
		t.Errorf("tried %v, want %v", tried, want)
	}
}

// dialAddr is a transport that cannot dial.
type dialAddr struct {
	transport.Transport
	fail func(addr string) error
}

func (d dialAddr) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	for _, opt := range opts {
		opt(&transport.DialOptions{})
	}
	return nil, d.fail(addr)
}

// A node that was restarted left dead connections behind: they are passed over
// without counting as attempts.
func TestStaleConnectionsArePassedOver(t *testing.T) {
	tr := &forgetful{Transport: transport.NewMemoryTransport()}
	arrived, answer := make(chan struct{}), make(chan struct{})
	p := newPeer(t, tr.Transport, func(s transport.Socket, m *transport.Message) error {
		arrived <- struct{}{}
		<-answer
		return echo(s, m)
	})
	c := newClient(t, tr)
	const parallel = 5
	done := make(chan error, parallel)
	start := func() {
		go func() {
			_, err := call(context.Background(), c, p.addr)
			done <- err
		}()
	}
	for range parallel {
		start()
		<-arrived
	}
	close(answer)
	for range parallel {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	tr.stale.Store(true)
	start()
	<-arrived
	if err := <-done; err != nil {
		t.Error(err)
	}
	if total, _ := p.connections(); total != parallel+1 {
		t.Errorf("%d connections, want %d stale ones and a new one", total, parallel)
	}
}

// forgetful is a transport whose connections so far turn stale at once.
type forgetful struct {
	transport.Transport
	stale atomic.Bool
}

func (f *forgetful) Dial(addr string, opts ...transport.DialOption) (transport.Client, error) {
	c, err := f.Transport.Dial(addr, opts...)
	return &forgetfulConn{Client: c, transport: f, old: !f.stale.Load()}, err
}

type forgetfulConn struct {
	transport.Client
	transport *forgetful
	old       bool
}

func (c *forgetfulConn) Send(m *transport.Message) error {
	if c.old && c.transport.stale.Load() {
		return fmt.Errorf("%w: closed while idle", transport.ErrNotSent)
	}
	return c.Client.Send(m)
}
