package broker_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

const broadcast = "ff.http.broadcast"

func numbers(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// dropped collects what the ErrorHandler is told.
type dropped struct {
	log
	reasons atomic.Pointer[error]
}

func (d *dropped) option() broker.Option {
	return broker.ErrorHandler(func(e broker.Event) error {
		err := e.Error()
		d.reasons.Store(&err)
		return d.handle(e)
	})
}

func TestWireFormIsPlain(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	p := newPeer(t, r, "topic", broadcast, nil)
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	header := map[string]string{"K": "v"}
	if err := b.Publish("topic", &broker.Message{Header: header, Body: []byte("hi")}); err != nil {
		t.Fatal(err)
	}
	p.wantEventually(t, "hi")
	p.mu.Lock()
	defer p.mu.Unlock()
	req := p.requests[0]
	if req.Method != "POST" || req.URL.Path != "/" || req.URL.Query().Get("id") != p.service.Nodes[0].Id ||
		req.Header.Get("Content-Type") != "application/json" {
		t.Errorf("request is %s %s %v", req.Method, req.URL, req.Header)
	}
	if want := `{"Header":{"K":"v","Micro-Topic":"topic"},"Body":"aGk="}`; strings.TrimSpace(p.raw[0]) != want {
		t.Errorf("body is %s, want %s", p.raw[0], want)
	}
	if len(header) != 1 {
		t.Errorf("the publisher's header became %v", header)
	}
}

func TestInboxDropsTheOldestAndTells(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	var told dropped
	b := connect(t, broker.NewBroker(broker.Registry(r), told.option()))
	for _, body := range numbers(0, 70) {
		if err := b.Publish("topic", &broker.Message{Body: []byte(body)}); err != nil {
			t.Fatalf("publishing without any subscriber: %v", err)
		}
	}
	eventuallyEqual(t, told.got, numbers(0, 6))
	p := newPeer(t, r, "topic", broadcast, nil)
	p.wantEventually(t, numbers(6, 70)...)
}

func TestALaneWarnsOfItsFirstFailure(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	out := new(lockedBuilder)
	b := connect(t, broker.NewBroker(broker.Registry(r), broker.Logger(logger.NewLogger(logger.WithOutput(out)))))
	p := newPeer(t, r, "topic", "queue", func(_ string, before int) int {
		if before < 3 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	publish(t, b, "topic", "1")
	p.wantEventually(t, "1", "1", "1", "1")
	if log := out.String(); strings.Count(log, "level=warn") != 1 || !strings.Contains(log, "topic topic") || !strings.Contains(log, "503") {
		t.Errorf("the log is\n%s", log)
	}
}

// lockedBuilder is written to by the broker while the test reads it.
type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestTopicWithoutSubscribersKeepsItsMessages(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	newPeer(t, r, "other", broadcast, nil) // the lookup finds something
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	publish(t, b, "topic", "1", "2")
	p := newPeer(t, r, "topic", "queue", nil)
	publish(t, b, "topic", "3")
	p.wantEventually(t, "1", "2", "3")
}

func TestMessageIsRetriedByTimerOnlyForTheVersionThatFailed(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	good := newPeer(t, r, "topic", "good", nil)
	bad := newPeer(t, r, "topic", "bad", func(_ string, before int) int {
		if before < 2 {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	publish(t, b, "topic", "1")
	bad.wantEventually(t, "1", "1", "1")
	good.wantEventually(t, "1")
}

func TestRetryTriesTheOtherNodesOfTheQueue(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	dead := newPeer(t, r, "topic", "queue", nil)
	dead.Close() // and still registered
	alive := newPeer(t, r, "topic", "queue", nil)
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	publish(t, b, "topic", numbers(0, 20)...)
	alive.wantEventually(t, numbers(0, 20)...)
}

func TestRefusalByStatusCountsAsFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status   int
		attempts int
	}{
		{http.StatusInternalServerError, 10},
		{http.StatusRequestEntityTooLarge, 1},
	} {
		t.Run(http.StatusText(c.status), func(t *testing.T) {
			t.Parallel()
			r := registry.NewMemoryRegistry()
			p := newPeer(t, r, "topic", "queue", func(body string, _ int) int {
				if body == "poison" {
					return c.status
				}
				return http.StatusOK
			})
			var told dropped
			b := connect(t, broker.NewBroker(broker.Registry(r), told.option()))
			publish(t, b, "topic", "poison", "next")
			p.wantEventually(t, append(slices.Repeat([]string{"poison"}, c.attempts), "next")...)
			eventuallyEqual(t, told.got, []string{"poison"})
			if err := *told.reasons.Load(); !strings.Contains(err.Error(), fmt.Sprint(c.status)) {
				t.Errorf("the reason is %v", err)
			}
		})
	}
}

func TestMessagesLeaveInPublishOrder(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	p := newPeer(t, r, "topic", "queue", func(_ string, before int) int {
		if before == 20 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	q := newPeer(t, r, "topic", broadcast, nil)
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	publish(t, b, "topic", numbers(0, 60)...)
	q.wantEventually(t, numbers(0, 60)...)
	p.wantEventually(t, slices.Insert(numbers(0, 60), 20, "20")...)
}

func TestHungSubscriberDoesNotStallOthers(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	release := make(chan struct{})
	hang := func(string, int) int { <-release; return http.StatusOK }
	newPeer(t, r, "topic", "hung", hang)
	newPeer(t, r, "topic", broadcast, hang)
	t.Cleanup(func() { close(release) }) // before the peers close
	queue := newPeer(t, r, "topic", "queue", nil)
	single := newPeer(t, r, "topic", broadcast, nil)
	var told dropped
	b := connect(t, broker.NewBroker(broker.Registry(r), told.option(), broker.DisconnectTimeout(time.Millisecond)))
	broker.SetStallAfter(b, 10*time.Second)
	publish(t, b, "topic", numbers(0, 200)...)
	queue.wantEventually(t, numbers(0, 200)...)
	single.wantEventually(t, numbers(0, 200)...)
	// One is on its way and 64 wait, for each of the hung ones.
	testkit.Eventually(t, "the error handler is told", func() bool { return len(told.got()) == 2*(200-65) })
}

func TestHungDeliveryIsGivenToAnotherNode(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	release := make(chan struct{})
	var hung atomic.Int32
	once := func(string, int) int {
		if hung.Add(1) == 1 {
			<-release
		}
		return http.StatusOK
	}
	one, two := newPeer(t, r, "topic", "queue", once), newPeer(t, r, "topic", "queue", once)
	t.Cleanup(func() { close(release) })
	b := connect(t, broker.NewBroker(broker.Registry(r), broker.DeliveryTimeout(50*time.Millisecond)))
	publish(t, b, "topic", "1")
	testkit.Eventually(t, "both nodes were tried", func() bool { return len(one.got()) > 0 && len(two.got()) > 0 })
}

func TestSubscriberThatDisappearsInMidDelivery(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	started := make(chan struct{})
	release := make(chan struct{})
	var once sync.Once
	dying := connect(t, broker.NewBroker(broker.Registry(r), broker.DisconnectTimeout(time.Millisecond)))
	subscribe(t, dying, "topic", func(broker.Event) error {
		once.Do(func() { close(started) })
		<-release
		return nil
	}, broker.Queue("queue"))
	defer close(release)
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	publish(t, b, "topic", "1", "2")
	<-started
	if err := dying.Disconnect(); err == nil || !strings.Contains(err.Error(), "handlers are still at work") {
		t.Errorf("Disconnect with a handler at work: %v", err)
	}
	var next log
	subscribe(t, b, "topic", next.handle, broker.Queue("queue"))
	eventuallyEqual(t, next.got, []string{"1", "2"})
}

func TestBroadcastSubscriberRestarted(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	p := newPeer(t, r, "topic", broadcast, func(string, int) int { return http.StatusServiceUnavailable })
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	publish(t, b, "topic", "1", "2")
	testkit.Eventually(t, "an attempt", func() bool { return len(p.got()) > 0 })
	p.leave(t)
	again := newPeer(t, r, "topic", broadcast, nil)
	again.wantEventually(t, "1", "2")
}

func TestDisconnectDeliversWhatItCan(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	p := newPeer(t, r, "topic", "queue", func(string, int) int { time.Sleep(time.Millisecond); return http.StatusOK })
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	publish(t, b, "topic", numbers(0, 50)...)
	if err := b.Disconnect(); err != nil {
		t.Errorf("Disconnect: %v", err)
	}
	p.wantEventually(t, numbers(0, 50)...)
}

func TestDisconnectTellsWhatItCouldNotDeliverAndKeepsIt(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	p := newPeer(t, r, "dead", "queue", nil)
	p.Close()
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	publish(t, b, "dead", "1", "2", "3")
	publish(t, b, "nobody", "4")
	err := b.Disconnect()
	var undelivered *broker.UndeliveredError
	if !errors.As(err, &undelivered) || undelivered.Topics["dead"] != 3 || undelivered.Topics["nobody"] != 1 {
		t.Fatalf("Disconnect: %v", err)
	}
	if want := "messages were not delivered: topic dead: 3, topic nobody: 1"; undelivered.Error() != want {
		t.Errorf("the error reads %q", undelivered.Error())
	}
	p.leave(t)
	alive := newPeer(t, r, "dead", "queue", nil)
	connect(t, b)
	alive.wantEventually(t, "1", "2", "3")
}

func TestDisconnectHasABound(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	release := make(chan struct{})
	newPeer(t, r, "topic", "queue", func(string, int) int { <-release; return http.StatusOK })
	t.Cleanup(func() { close(release) })
	b := connect(t, broker.NewBroker(broker.Registry(r), broker.DisconnectTimeout(50*time.Millisecond)))
	publish(t, b, "topic", "1")
	var undelivered *broker.UndeliveredError
	if err := b.Disconnect(); !errors.As(err, &undelivered) || undelivered.Topics["topic"] != 1 {
		t.Errorf("Disconnect: %v", err)
	}
}

// flaky is a registry that can be switched off.
type flaky struct {
	registry.Registry
	down         atomic.Bool
	onDeregister func()
}

var errDown = errors.New("registry is down")

func (f *flaky) GetService(name string, opts ...registry.GetOption) ([]*registry.Service, error) {
	if f.down.Load() {
		return nil, errDown
	}
	return f.Registry.GetService(name, opts...)
}

func (f *flaky) Register(s *registry.Service, opts ...registry.RegisterOption) error {
	if f.down.Load() {
		return errDown
	}
	return f.Registry.Register(s, opts...)
}

func (f *flaky) Deregister(s *registry.Service, opts ...registry.DeregisterOption) error {
	if f.onDeregister != nil {
		f.onDeregister()
	}
	if f.down.Load() {
		return errDown
	}
	return f.Registry.Deregister(s, opts...)
}

func TestPublishFailsWhileTheRegistryCannotBeAsked(t *testing.T) {
	t.Parallel()
	r := &flaky{Registry: registry.NewMemoryRegistry()}
	p := newPeer(t, r.Registry, "topic", "queue", nil)
	b := connect(t, broker.NewBroker(broker.Registry(r)))
	r.down.Store(true)
	if err := b.Publish("topic", &broker.Message{Body: []byte("1")}); !errors.Is(err, errDown) || !strings.Contains(err.Error(), "topic") {
		t.Errorf("Publish without the registry: %v", err)
	}
	if _, err := b.Subscribe("topic", new(log).handle); !errors.Is(err, errDown) {
		t.Errorf("Subscribe without the registry: %v", err)
	}
	r.down.Store(false)
	publish(t, b, "topic", "2")
	p.wantEventually(t, "2") // and not what Publish refused
	if got := nodes(t, r); len(got[broadcast]) != 0 {
		t.Errorf("the failed Subscribe left %v", got)
	}
}

func TestPublishContextEndsTheWaitForRoom(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	release := make(chan struct{})
	newPeer(t, r, "topic", "queue", func(string, int) int { <-release; return http.StatusOK })
	t.Cleanup(func() { close(release) })
	b := connect(t, broker.NewBroker(broker.Registry(r), broker.DisconnectTimeout(time.Millisecond)))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	publish(t, b, "topic", numbers(0, 10)...)
	if err := b.Publish("topic", &broker.Message{}, broker.PublishContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("Publish: %v", err)
	}
}

func TestTooManyTopicsWithoutSubscribers(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	newPeer(t, r, "other", broadcast, nil)
	var told dropped
	b := connect(t, broker.NewBroker(broker.Registry(r), told.option()))
	for i := range 1030 {
		publish(t, b, fmt.Sprintf("topic-%d", i), fmt.Sprint(i))
	}
	testkit.Eventually(t, "the error handler is told", func() bool { return len(told.got()) == 6 })
}

func TestTooManyQueuesWithoutMembers(t *testing.T) {
	t.Parallel()
	r := registry.NewMemoryRegistry()
	var d dropped
	b := connect(t, broker.NewBroker(broker.Registry(r), d.option()))
	var gone []*registry.Service
	for i := range 1030 {
		gone = append(gone, &registry.Service{Name: "micro.http.broker", Version: fmt.Sprint("queue", i), Nodes: []*registry.Node{{
			Id: fmt.Sprint("node", i), Address: "127.0.0.1:1", // where nobody listens
			Metadata: map[string]string{"broker": "http", "topic": "topic"},
		}}})
		if err := r.Register(gone[i]); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, b, "topic", "x") // kept for each of the queues
	for _, s := range gone {
		if err := r.Deregister(s); err != nil {
			t.Fatal(err)
		}
	}
	testkit.Eventually(t, "the oldest give way", func() bool { return len(d.got()) == 6 })
}

func TestPublishRefusesWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	b := connect(t, broker.NewBroker(broker.Registry(registry.NewMemoryRegistry()), broker.MaxMessageSize(100)))
	for name, err := range map[string]error{
		"huge":  b.Publish("topic", &broker.Message{Body: make([]byte, 100)}),
		"nil":   b.Publish("topic", nil),
		"empty": b.Publish("", &broker.Message{}),
	} {
		if err == nil || errors.Is(err, registry.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
