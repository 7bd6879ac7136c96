package client_test

import (
	"context"
	stderrors "errors"
	"io"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
)

func TestCallTimeoutNamesTheCause(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, silent)
	c := newClient(t, tr, client.Retries(3))

	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		p := newPeer(t, tr, func(transport.Socket, *transport.Message) error { cancel(); return nil })
		_, err := call(ctx, c, p.addr)
		wantError(t, err, "go.micro.client", 408, "call timeout: context canceled")
		if !stderrors.Is(err, context.Canceled) || stderrors.Is(err, context.DeadlineExceeded) {
			t.Errorf("errors.Is does not tell that %v is a cancellation", err)
		}
	})
	t.Run("cancelled for a reason", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		p := newPeer(t, tr, func(transport.Socket, *transport.Message) error {
			cancel(stderrors.New("the user left"))
			return nil
		})
		_, err := call(ctx, c, p.addr)
		wantError(t, err, "go.micro.client", 408, "call timeout: context canceled: the user left")
	})
	t.Run("deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_, err := call(ctx, c, p.addr)
		wantError(t, err, "go.micro.client", 408, "call timeout: context deadline exceeded")
		if !stderrors.Is(err, context.DeadlineExceeded) {
			t.Errorf("errors.Is does not tell that %v is a deadline", err)
		}
	})
	t.Run("request timeout", func(t *testing.T) {
		_, err := call(context.Background(), c, p.addr, client.WithRequestTimeout(20*time.Millisecond))
		wantError(t, err, "go.micro.client", 408, "call timeout: context deadline exceeded")
	})
	t.Run("attempt", func(t *testing.T) {
		_, err := call(context.Background(), c, p.addr, client.WithRetries(0), connectionTimeout(20*time.Millisecond))
		wantError(t, err, "go.micro.client", 408, "no reply from "+p.addr+" within 20ms")
	})
}

func connectionTimeout(d time.Duration) client.CallOption {
	return func(o *client.CallOptions) { o.ConnectionTimeout = d }
}

func TestCancelEndsBackoff(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, fail(errors.Timeout("x", "try again").Error()))
	ctx, cancel := context.WithCancel(context.Background())
	backoff := func(_ context.Context, _ client.Request, i int) (time.Duration, error) {
		if i == 0 {
			return 0, nil
		}
		cancel()
		return time.Hour, nil
	}
	_, err := call(ctx, newClient(t, tr, client.Retries(1), client.Backoff(backoff)), p.addr)
	wantError(t, err, "go.micro.client", 408, "call timeout: context canceled")
}

func TestCancelEndsDial(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	tr := dialFunc{transport.NewMemoryTransport(), func(o transport.DialOptions) (transport.Client, error) {
		cancel()
		<-o.Context.Done()
		return nil, o.Context.Err()
	}}
	_, err := call(ctx, newClient(t, tr, client.Retries(3)), "a:1")
	wantError(t, err, "go.micro.client", 408, "call timeout: context canceled")
}

type dialFunc struct {
	transport.Transport
	dial func(transport.DialOptions) (transport.Client, error)
}

func (d dialFunc) Dial(_ string, opts ...transport.DialOption) (transport.Client, error) {
	var o transport.DialOptions
	for _, opt := range opts {
		opt(&o)
	}
	return d.dial(o)
}

func TestCancelLeavesNoGoroutine(t *testing.T) {
	testkit.NoLeaks(t)
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, silent)
	c := newClient(t, tr)
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
			defer cancel()
			if _, err := call(ctx, c, p.addr); !stderrors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
	calls.Wait()
	testkit.Eventually(t, "every connection is closed", func() bool { _, open := p.connections(); return open == 0 })
}

func TestSlowHandlerIsNotCutAtConnectionTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
			time.Sleep(6500 * time.Millisecond)
			return echo(s, m)
		})
		c := newClient(t, tr, client.Retries(5))
		got, err := call(context.Background(), c, p.addr)
		if err != nil || got != "Ada" {
			t.Errorf("got %q, %v", got, err)
		}
		if n := len(p.received()); n != 1 {
			t.Errorf("the handler ran %d times", n)
		}
	})
}

func TestChosenConnectionTimeoutBoundsEachAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		p := newPeer(t, tr, silent)
		c := newClient(t, tr, client.Retries(2), client.Backoff(nil))
		start := time.Now()
		_, err := call(context.Background(), c, p.addr, connectionTimeout(time.Second))
		wantError(t, err, "go.micro.client", 408, "no reply from "+p.addr+" within 1s")
		if took := time.Since(start); took != 3*time.Second || len(p.received()) != 3 {
			t.Errorf("%d attempts took %v, want 3 in 3s", len(p.received()), took)
		}
		if left := p.received()[0].Header["Timeout"]; left != strconv.Itoa(int(time.Second)) {
			t.Errorf("Timeout is %s, want 1s", left)
		}
	})
}

func TestTimeoutHeaderIsTheTimeLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		p := newPeer(t, tr, echo)
		c := newClient(t, tr)
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		time.Sleep(time.Second)
		for _, call := range []struct {
			ctx  context.Context
			opts []client.CallOption
		}{
			{ctx, nil},
			{context.Background(), nil},
			{context.Background(), []client.CallOption{client.WithRequestTimeout(time.Minute)}},
			{ctx, []client.CallOption{connectionTimeout(time.Hour)}},
			{ctx, []client.CallOption{connectionTimeout(time.Second)}},
		} {
			req := c.NewRequest("greeter", "Greeter.Hello", nil)
			if err := c.Call(call.ctx, req, nil, append(call.opts, client.WithAddress(p.addr))...); err != nil {
				t.Fatal(err)
			}
		}
		want := []time.Duration{2 * time.Second, 30 * time.Second, time.Minute, 2 * time.Second, time.Second}
		for i, m := range p.received() {
			if got := m.Header["Timeout"]; got != strconv.Itoa(int(want[i])) {
				t.Errorf("request %d: Timeout is %s, want %d", i, got, want[i])
			}
		}
	})
}

func TestTimeoutHeaderShrinksFromAttemptToAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := transport.NewMemoryTransport()
		p := newPeer(t, tr, fail(errors.Timeout("x", "try again").Error()))
		c := newClient(t, tr, client.Retries(1), client.RequestTimeout(10*time.Second))
		if _, err := call(context.Background(), c, p.addr); err == nil {
			t.Fatal("no error")
		}
		left := strconv.Itoa(int(10*time.Second - 100*time.Millisecond))
		if got := p.received(); len(got) != 2 || got[1].Header["Timeout"] != left {
			t.Errorf("the second of %d attempts has %v, want Timeout %s", len(got), got[1].Header, left)
		}
	})
}

func TestContextsOfCallWrappersEndWithTheirCall(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, silent)
	type key struct{}
	var derived context.Context
	wrap := func(next client.CallFunc) client.CallFunc {
		return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
			ctx = context.WithValue(ctx, key{}, "v")
			var cancel context.CancelFunc
			derived, cancel = context.WithCancel(ctx)
			_ = cancel
			if _, ok := ctx.Deadline(); !ok {
				t.Error("the context has no deadline")
			}
			return next(ctx, node, req, rsp, opts)
		}
	}
	c := newClient(t, tr, client.WrapCall(wrap))
	_, err := call(context.Background(), c, p.addr, client.WithRequestTimeout(20*time.Millisecond))
	wantError(t, err, "go.micro.client", 408, "call timeout: context deadline exceeded")
	<-derived.Done()
}

func TestInitDisturbsNoCall(t *testing.T) {
	tr := transport.NewMemoryTransport()
	arrived, answer := make(chan struct{}), make(chan struct{})
	p := newPeer(t, tr, func(s transport.Socket, m *transport.Message) error {
		close(arrived)
		<-answer
		return echo(s, m)
	})
	c := newClient(t, tr)
	result := make(chan error)
	go func() {
		_, err := call(context.Background(), c, p.addr)
		result <- err
	}()
	<-arrived
	if err := c.Init(client.PoolSize(3), client.Retries(9)); err != nil {
		t.Fatal(err)
	}
	if got := c.Options(); got.PoolSize != 3 || got.CallOptions.Retries != 9 {
		t.Errorf("options are %+v", got)
	}
	close(answer)
	if err := <-result; err != nil {
		t.Error(err)
	}
	testkit.Eventually(t, "the connection of the former pool is closed", func() bool { _, open := p.connections(); return open == 0 })
}

func TestADialHasTheShortestOfItsTimeouts(t *testing.T) {
	var got transport.DialOptions
	tr := dialFunc{transport.NewMemoryTransport(), func(o transport.DialOptions) (transport.Client, error) {
		got = o
		return nil, io.EOF
	}}
	c := newClient(t, tr)
	for _, e := range []struct {
		name string
		opts []client.CallOption
		want time.Duration
	}{
		{"default", nil, 5 * time.Second},
		{"dial timeout", []client.CallOption{client.WithDialTimeout(4 * time.Second)}, 4 * time.Second},
		{"no dial timeout", []client.CallOption{client.WithDialTimeout(0)}, 5 * time.Second},
		{"zero means default", []client.CallOption{client.WithDialTimeout(0), connectionTimeout(0)}, 5 * time.Second},
		{"chosen connection timeout", []client.CallOption{connectionTimeout(4 * time.Second)}, 4 * time.Second},
		{"request timeout", []client.CallOption{client.WithRequestTimeout(4 * time.Second)}, 4 * time.Second},
	} {
		if _, err := call(context.Background(), c, "a:1", e.opts...); err == nil {
			t.Fatal("no error")
		}
		if got.Timeout > e.want || got.Timeout < e.want-e.want/2 || !got.Stream || got.Context == nil {
			t.Errorf("%s: dialled with %+v, want timeout %v", e.name, got, e.want)
		}
	}
}

func TestContextEndsWithTheCall(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, echo)
	for name, watch := range map[string]bool{"watched": true, "unwatched": false} {
		t.Run(name, func(t *testing.T) {
			var seen context.Context
			wrap := func(next client.CallFunc) client.CallFunc {
				return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
					if seen = ctx; watch {
						_ = ctx.Done()
					}
					if err := ctx.Err(); err != nil {
						t.Errorf("during the call the context has ended: %v", err)
					}
					return next(ctx, node, req, rsp, opts)
				}
			}
			if _, err := call(context.Background(), newClient(t, tr, client.WrapCall(wrap)), p.addr); err != nil {
				t.Fatal(err)
			}
			if err := seen.Err(); err != context.Canceled {
				t.Errorf("after the call the context's error is %v", err)
			}
			<-seen.Done()
		})
	}
}

func TestWrapperCancelsTheAttempt(t *testing.T) {
	tr := transport.NewMemoryTransport()
	p := newPeer(t, tr, silent)
	wrap := func(next client.CallFunc) client.CallFunc {
		return func(ctx context.Context, node *registry.Node, req client.Request, rsp any, opts client.CallOptions) error {
			ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			return next(ctx, node, req, rsp, opts)
		}
	}
	_, err := call(context.Background(), newClient(t, tr, client.WrapCall(wrap)), p.addr)
	wantError(t, err, "go.micro.client", 408, "call timeout: context deadline exceeded")
}
