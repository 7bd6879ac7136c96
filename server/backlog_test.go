package server_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/codec/bytes"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Sized answers with a number of bytes, and counts how often.
type Sized struct {
	size   int
	served atomic.Int64
}

func (s *Sized) Call(_ context.Context, _, rsp *bytes.Frame) error {
	s.served.Add(1)
	rsp.Data = make([]byte, s.size)
	return nil
}

// A few bytes may ask for megabytes, on a connection with thousands of calls as well.
// Who does not take the replies is not served on, and loses none.
func TestCallsWaitWhileThePeerDoesNotTakeTheRepliesToOthers(t *testing.T) {
	const calls, size = 2000, 128 << 10
	const room, more = 64 << 20 / size, 1000 // which were in handlers by then, or are sent
	large, through, call := slowlyReplied(t, size)
	var callers sync.WaitGroup
	for range calls {
		callers.Go(func() {
			if err := call(t.Context()); err != nil {
				t.Errorf("call: %v", err)
			}
		})
	}
	testkit.Eventually(t, "the room is used up", func() bool { return large.served.Load() >= room })
	time.Sleep(time.Second) // for more of them, if there may be more
	if n := large.served.Load(); n > room+more {
		t.Errorf("%d replies of %d bytes wait to be sent", n, size)
	}
	through.slowly.Store(false)
	callers.Wait()
	if n := large.served.Load(); n != calls {
		t.Errorf("%d calls were served, want %d", n, calls)
	}
}

func TestPostponedCallsThatAreGivenUpAreNotServed(t *testing.T) {
	const calls, size = 2000, 128 << 10
	large, through, call := slowlyReplied(t, size)
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var callers sync.WaitGroup
	for range calls {
		callers.Go(func() { call(ctx) }) //nolint:errcheck // it is given up
	}
	testkit.Eventually(t, "the room is used up", func() bool { return large.served.Load() >= 64<<20/size })
	time.Sleep(time.Second) // so that all others have arrived
	served := large.served.Load()
	giveUp()
	callers.Wait()
	through.slowly.Store(false)
	if err := call(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := large.served.Load() - served; n > (calls-served)/2 {
		t.Errorf("%d of %d calls were served after their callers had given up", n, calls-served)
	}
}

// slowlyReplied returns a handler, what its replies pass slowly, and what calls it
// through that, over a connection that is there.
func slowlyReplied(t *testing.T, size int) (*Sized, *slow, func(context.Context) error) {
	large := &Sized{size: size}
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, large)
	start(t, s)
	through := newSlow(t, s.Options().Address)
	through.between = 200 * time.Millisecond
	c := newCaller(t, s)
	call := func(ctx context.Context) error {
		var rsp bytes.Frame
		err := c.Call(ctx, c.NewRequest("test", "Sized.Call", &bytes.Frame{}, client.WithContentType("application/octet-stream")), &rsp,
			client.WithAddress(through.addr), client.WithRequestTimeout(testkit.Patience))
		if err == nil && len(rsp.Data) != size {
			t.Errorf("a reply has %d bytes, want %d", len(rsp.Data), size)
		}
		return err
	}
	if err := call(t.Context()); err != nil { // so that there is a connection for all
		t.Fatal(err)
	}
	large.served.Store(0)
	through.slowly.Store(true)
	return large, through, call
}
