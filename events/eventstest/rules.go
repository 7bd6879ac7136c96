package eventstest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/internal/conformance"
)

type rule = conformance.Rule[Harness]

var (
	noReplay     = gap("NoReplay", func(h Harness) bool { return h.NoReplay })
	noRedelivery = gap("NoRedelivery", func(h Harness) bool { return h.NoRedelivery })
	noOrder      = gap("NoOrder", func(h Harness) bool { return h.NoOrder })
	noContext    = gap("NoContext", func(h Harness) bool { return h.NoContext })
	noOddTopics  = gap("NoOddTopics", func(h Harness) bool { return h.NoOddTopics })
	noRetryLimit = gap("NoRetryLimit", func(h Harness) bool { return h.NoRetryLimit || h.NoRedelivery })
)

// rules are those of every stream, and those about the backends that streams have.
var rules = slices.Concat(streamRules, deliveryRules, backendRules)

var streamRules = []rule{
	{Sentence: "publishing or consuming without a topic is ErrMissingTopic", Check: missingTopic},
	{Sentence: "a message that cannot be encoded is ErrEncodingMessage", Check: encodingMessage},
	{Sentence: "publishing without consumers succeeds", Check: withoutConsumers},
	{Sentence: "bytes are the payload as they are", Check: bytesPayload},
	{Sentence: "other messages are JSON", Check: jsonPayload},
	{Sentence: "an event carries id, topic, time and metadata", Check: fields},
	{Sentence: "a zero timestamp means now", Check: zeroTimestamp},
	{Sentence: "events arrive in publish order, each once", Gap: noOrder, Check: order},
	{Sentence: "a consumer gets no events of other topics", Check: otherTopics},
	{Sentence: "topics and groups may contain dots, slashes, patterns, blanks and any letters", Gap: noOddTopics, Check: oddTopics},
	{Sentence: "a consumer without a group gets every event", Check: withoutGroup},
	{Sentence: "a group gets each event once", Check: groupOnce},
	{Sentence: "every group gets every event", Check: everyGroup},
	{Sentence: "a group that does not read does not hold up others", Check: stalledGroup},
	{Sentence: "without an offset only new events arrive", Check: onlyNew},
	{Sentence: "an offset replays what was published since, then goes on without gap or double", Gap: noReplay, Check: replay},
	{Sentence: "an event published during a replay arrives once", Gap: noReplay, Check: replayOverlap},
	{Sentence: "manual acknowledgement needs an AckWait", Check: ackWait},
	{Sentence: "with manual acknowledgement the first delivery is at once", Check: manualAtOnce},
	{Sentence: "an unacknowledged event comes again after AckWait", Gap: noRedelivery, Check: redelivery},
	{Sentence: "an acknowledged event does not come again", Check: acknowledged},
	{Sentence: "a retry limit of n means n+1 deliveries", Gap: noRetryLimit, Check: retryLimit},
	{Sentence: "a retry limit of zero means one delivery", Gap: noRetryLimit, Check: noRetries},
	{Sentence: "Ack and Nack on an event of automatic acknowledgement return nil", Check: autoAck},
	{Sentence: "a consumption ends with its context", Gap: noContext, Check: ended},
	{Sentence: "concurrent publishers lose nothing", Check: concurrent},
}

func missingTopic(t testing.TB, h Harness) {
	f := setup(t, h)
	if err := f.Publish("", "x"); !errors.Is(err, events.ErrMissingTopic) {
		t.Errorf("Publish: %v", err)
	}
	if _, err := f.Consume(""); !errors.Is(err, events.ErrMissingTopic) {
		t.Errorf("Consume: %v", err)
	}
}

func encodingMessage(t testing.TB, h Harness) {
	f := setup(t, h)
	if err := f.Publish(f.topic, func() {}); !errors.Is(err, events.ErrEncodingMessage) {
		t.Errorf("Publish: %v", err)
	}
}

func withoutConsumers(t testing.TB, h Harness) {
	f := setup(t, h)
	f.publish("x")
}

func bytesPayload(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume()
	f.publish("\x00 not { JSON \xff")
	f.want("the consumer", ch, "\x00 not { JSON \xff")
}

func jsonPayload(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume()
	type order struct{ ID int }
	if err := f.Publish(f.topic, order{42}); err != nil {
		t.Fatalf("Publish: %v", err)
	}
	e := f.next(ch)
	var got order
	if err := e.Unmarshal(&got); err != nil || got.ID != 42 {
		t.Errorf("payload %s decodes to %+v, %v", e.Payload, got, err)
	}
}

func fields(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume()
	at := time.Now().Add(-time.Minute)
	err := f.Publish(f.topic, "x", events.WithTimestamp(at), events.WithMetadata(map[string]string{"k": "v"}))
	if err != nil {
		t.Fatalf("Publish: %v", err)
	}
	f.publish("y")
	e, other := f.next(ch), f.next(ch)
	if e.ID == "" || e.ID == other.ID || e.Topic != f.topic || !e.Timestamp.Equal(at) || e.Metadata["k"] != "v" {
		t.Errorf("event is %+v", e)
	}
}

func zeroTimestamp(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume()
	before := time.Now().Add(-time.Minute)
	if err := f.Publish(f.topic, "x", events.WithTimestamp(time.Time{})); err != nil {
		t.Fatalf("Publish: %v", err)
	}
	if e := f.next(ch); e.Timestamp.Before(before) {
		t.Errorf("timestamp is %v", e.Timestamp)
	}
}

func order(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume()
	all := numbered(300)
	f.publish(all...)
	f.want("the consumer", ch, all...)
}

func otherTopics(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume()
	if err := f.Publish(f.topic+"x", []byte("other")); err != nil {
		t.Fatalf("Publish: %v", err)
	}
	f.publish("own")
	f.want("the consumer", ch, "own")
}

func oddTopics(t testing.TB, h Harness) {
	f := setup(t, h)
	base := f.topic
	for _, topic := range []string{base + ".a", base + "/a", base + ".*", base + ".>", base + " a", base + ".ü", base + "\r\nPUB", "$" + base} {
		f.topic = topic
		ch := f.consume(events.WithGroup("group of " + topic))
		f.publish(topic)
		e := f.next(ch)
		if e.Topic != topic || string(e.Payload) != topic {
			t.Errorf("topic %q: event of %q with %q", topic, e.Topic, e.Payload)
		}
	}
}

func withoutGroup(t testing.TB, h Harness) {
	f := setup(t, h)
	one, two := f.consume(), f.consume()
	f.publish("a", "b")
	f.want("the first consumer", one, "a", "b")
	f.want("the second consumer", two, "a", "b")
}

func groupOnce(t testing.TB, h Harness) {
	f := setup(t, h)
	group := events.WithGroup(unique("group"))
	one, two := f.consume(group), f.consume(group)
	all := numbered(40)
	f.publish(all...)
	var got []string
	for range all {
		select {
		case e := <-one:
			got = append(got, string(e.Payload))
		case e := <-two:
			got = append(got, string(e.Payload))
		case <-time.After(f.h.Patience + h.Settle):
			t.Fatalf("got %s of %d", brief(got), len(all))
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, all) {
		t.Errorf("got %s", brief(got))
	}
	f.quiet("the group", one, two)
}

func everyGroup(t testing.TB, h Harness) {
	f := setup(t, h)
	one := f.consume(events.WithGroup(unique("one")))
	two := f.consume(events.WithGroup(unique("two")))
	f.publish("a", "b")
	f.want("the first group", one, "a", "b")
	f.want("the second group", two, "a", "b")
}

func stalledGroup(t testing.TB, h Harness) {
	f := setup(t, h)
	_ = f.consume(events.WithGroup(unique("stalled")))
	ch := f.consume(events.WithGroup(unique("reading")))
	all := numbered(200)
	f.publish(all...)
	f.want("the group that reads", ch, all...)
}

func onlyNew(t testing.TB, h Harness) {
	f := setup(t, h)
	f.publish("old")
	time.Sleep(h.Settle)
	ch := f.consume()
	f.publish("new")
	f.want("the consumer", ch, "new")
}

func replay(t testing.TB, h Harness) {
	f := setup(t, h)
	all := numbered(100)
	since := time.Now()
	f.publish(all[:60]...)
	time.Sleep(h.Settle)
	ch := f.consume(events.WithOffset(since.Add(-time.Minute)), events.WithGroup(unique("group")))
	f.publish(all[60:]...)
	f.want("the consumer", ch, all...)
}

func replayOverlap(t testing.TB, h Harness) {
	f := setup(t, h)
	all := numbered(400)
	f.publish(all[:100]...)
	var wg sync.WaitGroup
	wg.Go(func() { f.publish(all[100:]...) })
	ch := f.consume(events.WithOffset(time.Now().Add(-time.Minute)))
	defer wg.Wait()
	f.want("the consumer", ch, all...)
}

func ackWait(t testing.TB, h Harness) {
	f := setup(t, h)
	if _, err := f.Consume(f.topic, events.WithAutoAck(false, 0)); err == nil {
		t.Errorf("Consume without an AckWait succeeded")
	}
}

func manualAtOnce(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume(events.WithAutoAck(false, time.Hour), events.WithGroup(unique("group")))
	f.publish("x")
	e := f.next(ch)
	if err := e.Ack(); err != nil {
		t.Errorf("Ack: %v", err)
	}
}

func redelivery(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume(events.WithAutoAck(false, f.h.AckWait), events.WithGroup(unique("group")))
	f.publish("x")
	first := f.next(ch)
	if err := first.Nack(); err != nil {
		t.Errorf("Nack: %v", err)
	}
	again := f.next(ch)
	if again.ID != first.ID || string(again.Payload) != "x" {
		t.Errorf("got %s %q after %s", again.ID, again.Payload, first.ID)
	}
	if err := again.Ack(); err != nil {
		t.Errorf("Ack: %v", err)
	}
}

func acknowledged(t testing.TB, h Harness) {
	f := setup(t, h)
	// Long enough for the acknowledgement to be in time on a machine that stalls.
	ch := f.consume(events.WithAutoAck(false, max(f.h.AckWait, 2*time.Second)), events.WithGroup(unique("group")))
	f.publish("x", "y")
	for range 2 {
		e := f.next(ch)
		if err := e.Ack(); err != nil {
			t.Errorf("Ack: %v", err)
		}
	}
	select {
	case e := <-ch:
		t.Errorf("got %q again", e.Payload)
	case <-time.After(max(f.h.AckWait, 2*time.Second) + f.h.Quiet):
	}
}

// delivered sees that an event which is never acknowledged arrives so many times.
func (f *fixture) delivered(times int, opts ...events.ConsumeOption) {
	f.Helper()
	opts = append(opts, events.WithAutoAck(false, f.h.AckWait), events.WithGroup(unique("group")))
	ch := f.consume(opts...)
	f.publish("x")
	for range times {
		f.next(ch)
	}
	select {
	case <-ch:
		f.Errorf("more than %d deliveries", times)
	case <-time.After(4*f.h.AckWait + time.Second):
	}
}

func retryLimit(t testing.TB, h Harness) { setup(t, h).delivered(3, events.WithRetryLimit(2)) }

func noRetries(t testing.TB, h Harness) { setup(t, h).delivered(1, events.WithRetryLimit(0)) }

func autoAck(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume()
	f.publish("x")
	e := f.next(ch)
	if err := errors.Join(e.Ack(), e.Nack()); err != nil {
		t.Error(err)
	}
}

func ended(t testing.TB, h Harness) {
	f := setup(t, h)
	ctx, cancel := context.WithCancel(context.Background())
	group := events.WithGroup(unique("group"))
	leaving, err := f.Consume(f.topic, group, events.WithContext(ctx))
	if err != nil {
		t.Fatalf("Consume: %v", err)
	}
	staying := f.consume(group)
	cancel()
	time.Sleep(f.h.Settle + f.h.Quiet)
	all := numbered(20)
	f.publish(all...)
	f.collect(all, staying) // what the other was given while it left comes late
	select {
	case e, open := <-leaving:
		if open {
			t.Errorf("the consumer that left got %q", e.Payload)
		}
	default:
	}
}

func concurrent(t testing.TB, h Harness) {
	f := setup(t, h)
	ch := f.consume()
	all := numbered(400)
	var wg sync.WaitGroup
	for part := range slices.Chunk(all, 50) {
		wg.Go(func() {
			for _, m := range part {
				if err := f.Publish(f.topic, []byte(m)); err != nil {
					t.Errorf("Publish: %v", err)
				}
			}
		})
	}
	defer wg.Wait()
	var got []string
	for range all {
		got = append(got, string(f.next(ch).Payload))
	}
	slices.Sort(got)
	if !slices.Equal(got, all) {
		t.Errorf("got %s", brief(got))
	}
}
