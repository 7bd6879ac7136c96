package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/natsjs"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
)

// arrives returns the next event.
func arrives(t testing.TB, ch <-chan events.Event) events.Event {
	t.Helper()
	select {
	case e := <-ch:
		return e
	case <-time.After(testkit.Patience):
		t.Fatal("no event arrives")
		panic("unreachable")
	}
}

// v4Subscribe joins a group as go-micro v4's driver does.
func v4Subscribe(js nats.JetStreamContext, topic, group string, got chan<- *nats.Msg, opts ...nats.SubOpt) error {
	_, err := js.QueueSubscribe(topic, group, func(m *nats.Msg) { got <- m }, append([]nats.SubOpt{nats.Durable(group)}, opts...)...)
	return err
}

func TestJetStreamIsUsedAsByGoMicroV4(t *testing.T) {
	url, topic, group := servers.NATS(t), unique("orders-"), unique("group-")
	js := jetStream(t, url)
	s := newJetStream(t, natsjs.SynchronousPublish(true))
	ch, err := s.Consume(topic, events.WithGroup(group))
	must(t, err)

	stream, err := js.StreamInfo(topic)
	must(t, err)
	if c := stream.Config; len(c.Subjects) != 1 || c.Subjects[0] != topic || c.Storage != nats.FileStorage || c.Retention != nats.LimitsPolicy || c.MaxAge != 0 {
		t.Errorf("the stream is %+v", c)
	}
	consumer, err := js.ConsumerInfo(topic, group)
	must(t, err)
	if c := consumer.Config; c.Durable != group || c.DeliverGroup != group || c.DeliverPolicy != nats.DeliverNewPolicy || c.AckPolicy != nats.AckExplicitPolicy || c.InactiveThreshold != 0 {
		t.Errorf("the consumer is %+v", c)
	}

	// A process of go-micro v4 with its defaults shares the group.
	got := make(chan *nats.Msg, 100)
	must(t, v4Subscribe(js, topic, group, got, nats.AckExplicit(), nats.DeliverNew()))
	shared := map[string]bool{}
	for len(shared) < 2 {
		must(t, s.Publish(topic, []byte("payload"), events.WithMetadata(map[string]string{"k": "v"})))
		select {
		case m := <-got:
			shared["theirs"] = true
			var e events.Event
			if err := json.Unmarshal(m.Data, &e); err != nil || string(e.Payload) != "payload" || e.Topic != topic || e.Metadata["k"] != "v" {
				t.Errorf("they get %s, %v", m.Data, err)
			}
		case e := <-ch:
			shared["ours"] = true
			if string(e.Payload) != "payload" {
				t.Errorf("we get %+v", e)
			}
		case <-time.After(testkit.Patience):
			t.Fatalf("no event arrives any more; before: %v", shared)
		}
	}
}

func TestJetStreamGroupsOfGoMicroV4AreJoined(t *testing.T) {
	url := servers.NATS(t)
	js := jetStream(t, url)
	for name, policy := range map[string]nats.SubOpt{"that acknowledges": nats.AckExplicit(), "that does not": nats.AckNone()} {
		for mode, opts := range map[string][]events.ConsumeOption{
			"automatic": nil,
			"manual":    {events.WithAutoAck(false, time.Minute), events.WithRetryLimit(3), events.WithOffset(time.Unix(1, 0))},
		} {
			t.Run(name+", "+mode, func(t *testing.T) {
				topic, group := unique("orders-"), unique("group-")
				_, err := js.AddStream(&nats.StreamConfig{Name: topic})
				must(t, err)
				theirs := make(chan *nats.Msg, 1000)
				must(t, v4Subscribe(js, topic, group, theirs, policy, nats.DeliverNew()))
				ch, err := newJetStream(t).Consume(topic, append(opts, events.WithGroup(group))...)
				must(t, err)
				testkit.Eventually(t, "an event is ours", func() bool {
					_, err := js.Publish(topic, []byte(`{"ID":"1","Topic":"`+topic+`","Timestamp":"2026-01-02T03:04:05Z","Metadata":null,"Payload":"eA=="}`))
					must(t, err)
					select {
					case e := <-ch:
						return string(e.Payload) == "x" && e.Ack() == nil
					case <-time.After(10 * time.Millisecond):
						return false
					}
				})
			})
		}
	}
}

func TestJetStreamTopicsOfAStreamThatExistsAreTakenFromIt(t *testing.T) {
	base := unique("sales-")
	js := jetStream(t, servers.NATS(t))
	_, err := js.AddStream(&nats.StreamConfig{Name: base + "-all", Subjects: []string{base + ".>"}, MaxMsgs: 5})
	must(t, err)
	s := newJetStream(t, natsjs.SynchronousPublish(true))
	ch, err := s.Consume(base + ".eu")
	must(t, err)
	must(t, s.Publish(base+".us", []byte("not ours")))
	must(t, s.Publish(base+".eu", []byte("ours")))
	if e := arrives(t, ch); string(e.Payload) != "ours" {
		t.Errorf("got %s", e.Payload)
	}
	info, err := js.StreamInfo(base + "-all")
	if err != nil || info.State.Msgs != 2 {
		t.Errorf("the stream holds %+v, %v", info, err)
	}
}

func TestJetStreamConsumersThatWereDeletedAreMadeAnew(t *testing.T) {
	server := servers.NewNATS(t)
	topic, group := unique("orders-"), unique("group-")
	s := newJetStream(t, natsjs.Address(server.URL), natsjs.SynchronousPublish(true))
	ch, err := s.Consume(topic, events.WithGroup(group))
	must(t, err)
	must(t, s.Publish(topic, []byte("before")))
	arrives(t, ch)
	js := jetStream(t, server.URL)
	must(t, js.DeleteConsumer(topic, group))
	must(t, s.Publish(topic, []byte("meanwhile")))
	server.Stop() // the driver looks after its consumers when the connection is back
	server.Start()
	for string(arrives(t, ch).Payload) != "meanwhile" {
	}
	must(t, js.DeleteStream(topic))
	must(t, s.Publish(topic, []byte("after"))) // which makes a stream anew
	server.Stop()
	server.Start()
	for string(arrives(t, ch).Payload) != "after" {
	}
}

func TestJetStreamConsumptionsLeaveNothingOnTheServer(t *testing.T) {
	topic := unique("orders-")
	js := jetStream(t, servers.NATS(t))
	consumers := func() int {
		info, err := js.StreamInfo(topic)
		must(t, err)
		return info.State.Consumers
	}
	s := newJetStream(t)
	ctx, end := context.WithCancel(context.Background())
	_, err := s.Consume(topic, events.WithContext(ctx))
	must(t, err)
	_, err = s.Consume(topic)
	must(t, err)
	if n := consumers(); n != 2 {
		t.Errorf("%d consumers", n)
	}
	end()
	testkit.Eventually(t, "the first is gone", func() bool { return consumers() == 1 })
	must(t, s.(io.Closer).Close())
	testkit.Eventually(t, "the second is gone", func() bool { return consumers() == 0 })
}

func TestJetStreamSettingsOfAGroupAreThoseAskedForLast(t *testing.T) {
	topic, group := unique("orders-"), unique("group-")
	js := jetStream(t, servers.NATS(t))
	s := newJetStream(t)
	for _, wait := range []time.Duration{time.Minute, 2 * time.Minute} {
		_, err := s.Consume(topic, events.WithGroup(group), events.WithAutoAck(false, wait), events.WithRetryLimit(int(wait/time.Minute)))
		must(t, err)
		info, err := js.ConsumerInfo(topic, group)
		must(t, err)
		if c := info.Config; c.AckWait != wait || c.MaxDeliver != int(wait/time.Minute)+1 {
			t.Errorf("the consumer has an AckWait of %v and %d deliveries", c.AckWait, c.MaxDeliver)
		}
	}
	_, err := js.AddConsumer(topic, &nats.ConsumerConfig{Durable: "pulled", AckPolicy: nats.AckExplicitPolicy})
	must(t, err)
	if _, err := s.Consume(topic, events.WithGroup("pulled")); err == nil || !strings.Contains(err.Error(), "pull") {
		t.Errorf("a consumer that is pulled from: %v", err)
	}
}

// lines keeps what is logged.
type lines struct {
	logger.Logger
	mu   sync.Mutex
	said []string
}

func (l *lines) Logf(_ logger.Level, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, strings.TrimSpace(format))
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(strings.Join(l.said, "\n"), text)
}

func TestJetStreamUndecodableEventsAreTerminatedAndReported(t *testing.T) {
	topic, group := unique("orders-"), unique("group-")
	js, log := jetStream(t, servers.NATS(t)), &lines{Logger: logger.DefaultLogger}
	s := newJetStream(t, natsjs.Logger(log))
	_, err := s.Consume(topic, events.WithGroup(group), events.WithAutoAck(false, time.Minute))
	must(t, err)
	_, err = js.Publish(topic, []byte("no event"))
	must(t, err)
	testkit.Eventually(t, "it is done with", func() bool {
		info, err := js.ConsumerInfo(topic, group)
		must(t, err)
		return info.Delivered.Stream == 1 && info.NumAckPending == 0
	})
	if !log.has("no event") {
		t.Errorf("logged %q", log.said)
	}
}

func TestJetStreamPublishingWithoutWaitingLosesNothingWhenTheConnectionBreaks(t *testing.T) {
	server, topic := servers.NATS(t), unique("orders-")
	p := servers.NewProxy(t, server)
	s, err := natsjs.NewStream(natsjs.Address(p.URL), natsjs.Timeout(15*time.Second))
	must(t, err)
	const n, cuts = 5000, 5
	for i := range n {
		must(t, s.Publish(topic, []byte("x")))
		if (i+1)%(n/cuts) == 0 { // the last time when Close follows
			p.Cut()
			p.Restore()
		}
	}
	must(t, s.(io.Closer).Close())
	info, err := jetStream(t, server).StreamInfo(topic)
	if err != nil || info.State.Msgs != n {
		t.Errorf("%d of %d events are stored, %v", info.State.Msgs, n, err)
	}
}

func TestJetStreamASmallStoreThatIsFullIsTold(t *testing.T) {
	topic := unique("orders-")
	js, err := jetstream.New(natsConn(t, servers.NATS(t)))
	must(t, err)
	_, err = js.CreateStream(t.Context(), jetstream.StreamConfig{Name: topic, Subjects: []string{topic}, MaxMsgs: 1, Discard: jetstream.DiscardNew})
	must(t, err)
	log := &lines{Logger: logger.DefaultLogger}
	s := newJetStream(t, natsjs.SynchronousPublish(true))
	must(t, s.Publish(topic, []byte("x")))
	var refused *jetstream.APIError
	if err := s.Publish(topic, []byte("y")); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	later := newJetStream(t, natsjs.Logger(log))
	must(t, later.Publish(topic, []byte("z")))
	testkit.Eventually(t, "the loss is logged", func() bool { return log.has("is lost") })
}
