//go:build unix

// Package soak_test has a service of several processes work for a while, in which
// they are stopped and killed, and looks at what is lost and what is left.
package soak_test

import (
	"context"
	crand "crypto/rand"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/selector"
	"github.com/justcy/go-micro/v4/transport"
)

const (
	// lengthVariable is how long the soak lasts, such as 10m.
	lengthVariable = "MICRO_TEST_SOAK"
	// seedVariable has the load be that of a former soak.
	seedVariable = "MICRO_TEST_SOAK_SEED"

	nodesRunning = 4
	// callLimit is not what ends a call, on any machine.
	callLimit = 2 * time.Minute
	// settling is how long what was closed may take to be gone.
	settling = 2 * time.Minute
	// unchanged is how long nothing may change before it is taken for what is held.
	unchanged = 3 * time.Second
)

func TestMain(m *testing.M) {
	if id := os.Getenv(nodeVariable); id != "" {
		playNode(id)
		return
	}
	testkit.Main(m)
}

// schedule is how long the soak lasts, and how often a node is ended.
func schedule(t *testing.T) (length, every time.Duration) {
	t.Helper()
	value := os.Getenv(lengthVariable)
	if value == "" {
		return 15 * time.Second, 3 * time.Second
	}
	length, err := time.ParseDuration(value)
	if err != nil {
		t.Fatalf("%s: %v", lengthVariable, err)
	}
	return length, 20 * time.Second
}

func seed(t *testing.T) uint64 {
	t.Helper()
	value := os.Getenv(seedVariable)
	if value == "" {
		return rand.Uint64()
	}
	s, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", seedVariable, err)
	}
	return s
}

// TestASoakLosesOnlyWhatKilledNodesHadAndLeavesNothingBehind has callers and
// streamers at work while nodes are told to stop and killed by turns. What a node
// that stops is doing is finished; what a killed one was doing is repeated or was
// not to be; afterwards the client and a node have what they had before.
func TestASoakLosesOnlyWhatKilledNodesHadAndLeavesNothingBehind(t *testing.T) {
	length, every := schedule(t)
	l := &load{seed: seed(t), done: map[string]int{}}
	t.Logf("%s=%d %s=%v, a node is ended every %v", seedVariable, l.seed, lengthVariable, length, every)
	n := &nodes{domain: "t" + strings.ToLower(crand.Text()[:10]), deaths: map[string]death{}}
	t.Cleanup(n.stop)
	for range nodesRunning {
		n.start(t)
	}
	witness := n.running[0]
	atWitness := func() held { return witness.held(t) }

	before := heldHere()
	closeClient := l.connect(t, n.domain)
	l.warmUp(t, witness.address)
	l.rest(t, 1)
	open, there := settled(heldHere), settled(atWitness)
	began := time.Now()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	loaded := make(chan struct{})
	go func() {
		defer close(loaded)
		l.run(ctx)
	}()
	n.disturb(t, length, every)
	stop()
	select {
	case <-loaded:
	case <-time.After(2 * callLimit):
		t.Fatalf("every call and stream ends with its context: some go on\n%s", heldHere().Stacks)
	}
	l.judge(t, n, began)
	l.rest(t, 2)
	releases(t, "the client", open, heldHere)
	releases(t, "the node that was not ended", there, atWitness)
	closeClient()
	releases(t, "the closed client", before, heldHere)
}

// connect makes the client, which the function it returns closes.
func (l *load) connect(t *testing.T, domain string) (closeAll func()) {
	r := newRegistry(domain)
	s := selector.NewSelector(selector.Registry(r))
	l.client = newClient(client.Registry(r), client.Selector(s), client.WrapCall(observed))
	closers := []io.Closer{l.client.(io.Closer), s, r.(io.Closer)}
	return func() {
		for _, c := range closers {
			if err := c.Close(); err != nil {
				t.Errorf("closing the client: %v", err)
			}
		}
	}
}

func newClient(opts ...client.Option) client.Client {
	return client.NewClient(append([]client.Option{
		client.Transport(transport.NewHTTPTransport()),
		client.ContentType("application/protobuf"),
		client.RequestTimeout(callLimit),
		client.DialTimeout(callLimit),
	}, opts...)...)
}

// disturb ends a node at each interval, stopped and killed by turns, and starts
// another one. It goes on until both have happened repeatedly.
func (n *nodes) disturb(t *testing.T, length, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	began := time.Now()
	for kill := false; time.Since(began) < length || len(n.deaths) < 4; kill = !kill {
		<-ticker.C
		n.end(t, kill)
		n.start(t)
	}
}

// judge reports what should not have happened.
func (l *load) judge(t *testing.T, n *nodes, began time.Time) {
	t.Helper()
	t.Logf("%d nodes were ended: %v", len(n.deaths), l.done)
	for _, w := range l.wrong {
		t.Errorf("an answer is whole, in order and to its call: %s", w)
	}
	excused := 0
	for _, f := range l.failures {
		if f.excused(n) {
			excused++
			continue
		}
		t.Errorf("only what was in flight on a killed node and must not be repeated may be lost: %s", f.describe(began))
	}
	t.Logf("%d calls and streams were lost with the node that had them", excused)
	for id, d := range n.deaths {
		if t.Failed() {
			t.Logf("%s, killed %t, ended from %v to %v", id, d.killed, d.from.Sub(began), d.to.Sub(began))
		}
	}
	if l.done["calls"] == 0 || l.done["cancelled calls"] == 0 || l.done["streams"] == 0 || l.done["abandoned streams"] == 0 {
		t.Errorf("too little has happened")
	}
}

// warmUp has the client find the service, and a node start all the goroutines that it
// keeps to serve calls.
func (l *load) warmUp(t *testing.T, address string) {
	var rsp wrapperspb.BytesValue
	if err := l.client.Call(t.Context(), l.client.NewRequest(serviceName, "Soak.Echo", new(wrapperspb.BytesValue)), &rsp); err != nil {
		t.Fatalf("finding the service: %v", err)
	}
	all := wrapperspb.Bytes(make([]byte, 16*runtime.GOMAXPROCS(0))) // twice as many as a server keeps
	var wg sync.WaitGroup
	for range len(all.Value) {
		wg.Go(func() {
			var rsp wrapperspb.BytesValue
			if err := l.client.Call(t.Context(), l.client.NewRequest(serviceName, "Soak.Gather", all), &rsp, client.WithAddress(address)); err != nil {
				t.Errorf("warming up: %v", err)
			}
		})
	}
	wg.Wait()
}

// rest has the client, which does nothing, give up the connections that it keeps for
// later calls: it does when the size of its pool changes.
func (l *load) rest(t *testing.T, more int) {
	if err := l.client.Init(client.PoolSize(client.DefaultPoolSize + more)); err != nil {
		t.Error(err)
	}
}

// settled is what is held once that has not changed for longer than a connection is
// kept that nobody uses.
func settled(now func() held) held {
	last, since := now(), time.Now()
	for began := since; time.Since(since) < unchanged && time.Since(began) < settling; time.Sleep(50 * time.Millisecond) {
		if h := now(); h.String() != last.String() {
			last, since = h, time.Now()
		}
	}
	return last
}

// releases waits until who holds no more than before.
func releases(t *testing.T, who string, before held, now func() held) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		h := now()
		if h.within(before) {
			t.Logf("%s had %v, and %v after %v", who, before, h, time.Since(began))
			return
		}
		if time.Since(began) > settling {
			t.Errorf("goroutines and descriptors are given back: %s had %v, and now has %v:\n%s\nbefore:\n%s", who, before, h, h.Stacks, before.Stacks)
			return
		}
	}
}
