package integration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/broker/brokertest"
	redisbroker "github.com/justcy/go-micro/v4/broker/redis"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

func connectedRedisBroker(t testing.TB, url string, opts ...broker.Option) broker.Broker {
	t.Helper()
	b := redisbroker.NewBroker(append(opts, broker.Addrs(url))...)
	must(t, b.Connect())
	t.Cleanup(func() { must(t, b.Disconnect()) })
	return b
}

func TestRedisBroker(t *testing.T) {
	t.Parallel()
	url := servers.Redis(t)
	brokertest.Run(t, brokertest.Harness{
		New: func(_ testing.TB, opts ...broker.Option) broker.Broker {
			return redisbroker.NewBroker(append(opts, broker.Addrs(url))...)
		},
		Inject: func(t testing.TB, topic string, data []byte) {
			must(t, redisClient(t, url).Publish(context.Background(), topic, data).Err())
		},
		Outage: func(t testing.TB, opts ...broker.Option) (broker.Broker, func(), func()) {
			s := servers.NewRedis(t)
			return connectedRedisBroker(t, s.URL, opts...), s.Stop, s.Start
		},
		NoQueues: true,
	})
}

// collector is a handler that keeps bodies.
type collector struct {
	mu     sync.Mutex
	bodies []string
}

func (c *collector) handle(e broker.Event) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bodies = append(c.bodies, string(e.Message().Body))
	return nil
}

func (c *collector) has(body string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range c.bodies {
		if b == body {
			return true
		}
	}
	return false
}

func (c *collector) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.bodies)
}

func TestRedisMessagesAreTheJSONOfGoMicroV4(t *testing.T) {
	url, topic := servers.Redis(t), unique("wire.")
	b, c, ctx := connectedRedisBroker(t, url), redisClient(t, url), context.Background()
	raw := c.Subscribe(ctx, topic)
	defer raw.Close()
	if _, err := raw.Receive(ctx); err != nil {
		t.Fatal(err)
	}
	must(t, b.Publish(topic, &broker.Message{Header: map[string]string{"A": "b"}, Body: []byte("lamp")}))
	m, err := raw.ReceiveMessage(ctx)
	must(t, err)
	var got struct {
		Header map[string]string
		Body   []byte
	}
	must(t, json.Unmarshal([]byte(m.Payload), &got))
	if got.Header["A"] != "b" || string(got.Body) != "lamp" {
		t.Errorf("the payload is %s", m.Payload)
	}
	in := new(collector)
	_, err = b.Subscribe(topic, in.handle)
	must(t, err)
	must(t, c.Publish(ctx, topic, `{"Header":null,"Body":"c2hlbGY="}`).Err())
	testkit.Eventually(t, "the other one's message arrives", func() bool { return in.has("shelf") })
}

func TestRedisQueueMembersOfOneBrokerShareMessages(t *testing.T) {
	b, topic := connectedRedisBroker(t, servers.Redis(t)), unique("queue.")
	ones, twos, all := new(collector), new(collector), new(collector)
	first, err := b.Subscribe(topic, ones.handle, broker.Queue("q"))
	must(t, err)
	_, err = b.Subscribe(topic, twos.handle, broker.Queue("q"))
	must(t, err)
	_, err = b.Subscribe(topic, all.handle)
	must(t, err)
	for i := range 40 {
		must(t, b.Publish(topic, &broker.Message{Body: fmt.Append(nil, i)}))
	}
	testkit.Eventually(t, "everybody got their part", func() bool { return all.len() == 40 && ones.len() == 20 && twos.len() == 20 })
	must(t, first.Unsubscribe())
	for i := range 10 {
		must(t, b.Publish(topic, &broker.Message{Body: fmt.Append(nil, i)}))
	}
	testkit.Eventually(t, "the other member gets all", func() bool { return all.len() == 50 && ones.len() == 20 && twos.len() == 30 })
}

func TestRedisSubscriptionsOutliveSilence(t *testing.T) {
	t.Parallel()
	url, topic := servers.Redis(t), unique("silence.")
	b, direct, in := connectedRedisBroker(t, url, redisbroker.ReadTimeout(time.Second)), connectedRedisBroker(t, url), new(collector)
	_, err := b.Subscribe(topic, in.handle)
	must(t, err)
	time.Sleep(2 * time.Second) // for longer than the read timeout
	must(t, direct.Publish(topic, &broker.Message{Body: []byte("after the read timeout")}))
	testkit.Eventually(t, "the subscription lives", func() bool { return in.has("after the read timeout") })
}

func TestARedisBrokerIsDisconnectedThoughItsErrorHandlerHangs(t *testing.T) {
	topic, end, called := unique("stuck."), make(chan struct{}), make(chan struct{}, 100)
	b := connectedRedisBroker(t, servers.Redis(t), redisbroker.QueueLimit(1),
		broker.ErrorHandler(func(broker.Event) error { called <- struct{}{}; <-end; return nil }))
	_, err := b.Subscribe(topic, func(broker.Event) error { <-end; return nil })
	must(t, err)
	for range 3 { // one for the handler, one in its queue, and one too many
		must(t, b.Publish(topic, &broker.Message{Body: []byte("x")}))
	}
	<-called
	disconnected := make(chan error, 1)
	go func() { disconnected <- b.Disconnect() }()
	select {
	case err := <-disconnected:
		if err == nil {
			t.Error("nobody is told of the handlers that run")
		}
	case <-time.After(time.Minute):
		t.Error("Disconnect does not return")
	}
	close(end)
}

func TestRedisBrokerSaysWhyItCannotConnect(t *testing.T) {
	s := servers.NewRedis(t)
	c := redisClient(t, s.URL)
	must(t, c.ConfigSet(context.Background(), "requirepass", "secret").Err())
	host := strings.TrimPrefix(s.URL, "redis://")
	for name, url := range map[string]string{
		"no password":    s.URL,
		"wrong password": "redis://:wrong@" + host,
		"nobody there":   fmt.Sprintf("redis://127.0.0.1:%d", testkit.FreePort(t)),
		"no address":     "http://" + host,
	} {
		begun := time.Now()
		err := redisbroker.NewBroker(broker.Addrs(url)).Connect()
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "wrong@") || time.Since(begun) > 15*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(begun))
		}
		t.Log(err)
	}
	must(t, connectedRedisBroker(t, "redis://:secret@"+host).Publish("t", &broker.Message{}))
}

func TestMessagesThatASlowRedisSubscriberCannotKeepAreTold(t *testing.T) {
	const messages, size = 100, 1 << 10
	told := make(chan broker.Event, messages)
	b := connectedRedisBroker(t, servers.Redis(t), redisbroker.QueueLimit(messages/2*size),
		broker.ErrorHandler(func(e broker.Event) error { told <- e; return nil }))
	topic, begin, in := unique("overrun."), make(chan struct{}), new(collector)
	_, err := b.Subscribe(topic, func(e broker.Event) error {
		<-begin
		return in.handle(e)
	})
	must(t, err)
	for i := range messages {
		must(t, b.Publish(topic, &broker.Message{Header: map[string]string{"n": fmt.Sprint(i)}, Body: make([]byte, size)}))
	}
	first := <-told
	if n := first.Message().Header["n"]; first.Error() == nil || n != "0" && n != "1" {
		t.Errorf("the first to give way is %s: %v", n, first.Error())
	}
	// Those still on their way find room once the handler runs.
	testkit.Eventually(t, "half of the messages give way", func() bool { return len(told) >= messages/2 })
	close(begin)
	testkit.Eventually(t, "every message is delivered or told of", func() bool { return in.len()+len(told)+1 == messages })
	if in.len() > messages/2+1 || in.len() == 0 {
		t.Errorf("%d messages were delivered", in.len())
	}
}
