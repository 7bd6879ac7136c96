package events_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/eventstest"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/store"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func newStream(t testing.TB, opts ...events.Option) events.Stream {
	t.Helper()
	s, err := events.NewStream(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeStream(t, s) })
	return s
}

func closeStream(t testing.TB, s events.Stream) {
	t.Helper()
	if err := s.(io.Closer).Close(); err != nil {
		t.Error(err)
	}
}

// bubble runs a test with a stream under a fake clock.
func bubble(t *testing.T, test func(t *testing.T, s events.Stream), opts ...events.Option) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := events.NewStream(opts...)
		if err != nil {
			t.Fatal(err)
		}
		defer closeStream(t, s)
		test(t, s)
	})
}

func consume(t testing.TB, s events.Stream, topic string, opts ...events.ConsumeOption) <-chan events.Event {
	t.Helper()
	ch, err := s.Consume(topic, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

func publish(t testing.TB, s events.Stream, topic string, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		if err := s.Publish(topic, []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
}

func numbers(from, to int) []string {
	var out []string
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// read takes as many events as wanted and compares their payloads.
func read(t testing.TB, ch <-chan events.Event, want ...string) {
	t.Helper()
	for i, w := range want {
		select {
		case e := <-ch:
			if string(e.Payload) != w {
				t.Fatalf("event %d is %q, want %q", i, e.Payload, w)
			}
		case <-time.After(testkit.Patience):
			t.Fatalf("event %d of %d did not arrive", i, len(want))
		}
	}
}

// none fails when an event is there once everything has settled in a bubble.
func none(t testing.TB, ch <-chan events.Event) {
	t.Helper()
	synctest.Wait()
	select {
	case e := <-ch:
		t.Fatalf("there is %q", e.Payload)
	default:
	}
}

func TestConformance(t *testing.T) {
	eventstest.Run(t, eventstest.Harness{
		New:       func(t testing.TB) events.Stream { return newStream(t) },
		Simulated: true,
		NoSharing: true,
	})
}

func TestGroupDeliversInTurn(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		one := consume(t, s, "topic", events.WithGroup("g"))
		two := consume(t, s, "topic", events.WithGroup("g"))
		publish(t, s, "topic", "1", "2", "3", "4")
		read(t, one, "1", "3")
		read(t, two, "2", "4")
		none(t, one)
		none(t, two)
	})
}

func TestAReplayIsInTheOrderOfTimestamps(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		start := time.Now()
		for i := range 2000 {
			at := start.Add(time.Duration(1999-i) * time.Second)
			if err := s.Publish("topic", []byte(fmt.Sprint(1999-i)), events.WithTimestamp(at)); err != nil {
				t.Fatal(err)
			}
		}
		read(t, consume(t, s, "topic", events.WithOffset(start)), numbers(0, 2000)...)
		late := consume(t, s, "topic", events.WithOffset(start.Add(1990*time.Second+999*time.Millisecond)))
		read(t, late, numbers(1990, 2000)...) // compared in whole seconds
		none(t, late)
	})
}

func TestEventPublishedDuringReplayArrivesOnce(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		publish(t, s, "topic", numbers(0, 10)...)
		ch := consume(t, s, "topic", events.WithOffset(time.Now().Add(-time.Second)))
		read(t, ch, numbers(0, 5)...)
		publish(t, s, "topic", numbers(10, 3000)...) // more than the queue holds
		read(t, ch, numbers(5, 3000)...)
		none(t, ch)
	})
}

func TestWhatAMemberAsksForAgainIsItsOwnAndWhatFollowsIsTheGroups(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		one := consume(t, s, "topic", events.WithGroup("g"))
		publish(t, s, "topic", "1", "2")
		read(t, one, "1", "2")
		two := consume(t, s, "topic", events.WithGroup("g"), events.WithOffset(time.Now().Add(-time.Minute)))
		read(t, two, "1", "2")
		publish(t, s, "topic", "3", "4")
		synctest.Wait()
		got := map[string]bool{}
		for range 2 {
			select {
			case e := <-one:
				got[string(e.Payload)] = true
			case e := <-two:
				got[string(e.Payload)] = true
			}
		}
		if !got["3"] || !got["4"] {
			t.Errorf("the group got %v", got)
		}
	})
}

func TestManualModeDeliversAtOnceAndThenEveryAckWait(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		ch := consume(t, s, "topic", events.WithAutoAck(false, time.Minute))
		start := time.Now()
		publish(t, s, "topic", "x")
		for i := range 5 {
			e := <-ch
			if waited := time.Since(start); waited != time.Duration(i)*time.Minute {
				t.Errorf("delivery %d after %v", i, waited)
			}
			if err := e.Nack(); err != nil {
				t.Error(err)
			}
			if i == 4 {
				if err := e.Ack(); err != nil {
					t.Error(err)
				}
			}
		}
		time.Sleep(time.Hour)
		none(t, ch)
	})
}

func TestLateAckCounts(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		ch := consume(t, s, "topic", events.WithAutoAck(false, time.Minute))
		publish(t, s, "topic", "x")
		first := <-ch
		<-ch
		if err := first.Ack(); err != nil { // of the first delivery
			t.Error(err)
		}
		time.Sleep(time.Hour)
		none(t, ch)
	})
}

func TestLateAckCountsWhenRedeliveryIsDue(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		ch := consume(t, s, "topic", events.WithAutoAck(false, time.Minute))
		publish(t, s, "topic", "x", "y")
		first := <-ch
		time.Sleep(time.Hour) // the reader takes long; x is due again behind y
		if err := first.Ack(); err != nil {
			t.Error(err)
		}
		y := <-ch
		if err := y.Ack(); err != nil || string(y.Payload) != "y" {
			t.Errorf("second event %q, %v", y.Payload, err)
		}
		none(t, ch)
	})
}

func TestLateAckCountsWhileRedeliveryWaitsForTheReader(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		ch := consume(t, s, "topic", events.WithAutoAck(false, time.Minute))
		publish(t, s, "topic", "x")
		first := <-ch
		time.Sleep(time.Hour)
		synctest.Wait() // x is offered again
		if err := first.Ack(); err != nil {
			t.Error(err)
		}
		none(t, ch)
		publish(t, s, "topic", "y")
		read(t, ch, "y")
	})
}

func TestRetryLimitDiscardsAndLogs(t *testing.T) {
	out := new(testkit.Buffer)
	log := logger.NewLogger(logger.WithOutput(out))
	bubble(t, func(t *testing.T, s events.Stream) {
		ch := consume(t, s, "topic", events.WithAutoAck(false, time.Minute), events.WithRetryLimit(2))
		publish(t, s, "topic", "x")
		e := <-ch
		<-ch
		<-ch
		time.Sleep(time.Hour)
		none(t, ch)
		if want := "Message retry limit reached, discarding: " + e.ID + " 2 2"; !strings.Contains(out.String(), want) {
			t.Errorf("the log has no %q but %q", want, out)
		}
	}, events.StreamLogger(log))
}

func TestUnackedOfAConsumerThatLeavesGoToTheOthers(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		ctx, cancel := context.WithCancel(context.Background())
		manual := events.WithAutoAck(false, time.Hour)
		one := consume(t, s, "topic", events.WithGroup("g"), manual, events.WithContext(ctx))
		two := consume(t, s, "topic", events.WithGroup("g"), manual)
		publish(t, s, "topic", "1", "2", "3")
		read(t, one, "1")
		cancel()
		synctest.Wait()
		var got []string
		for range 3 {
			e := <-two
			got = append(got, string(e.Payload))
			_ = e.Ack()
		}
		if len(got) != 3 {
			t.Errorf("got %v", got)
		}
		none(t, two)
	})
}

func TestEventsArriveInPublishOrder(t *testing.T) {
	s := newStream(t)
	ch := consume(t, s, "topic")
	var publisher sync.WaitGroup
	defer publisher.Wait()
	publisher.Go(func() {
		for _, n := range numbers(0, 5000) {
			if err := s.Publish("topic", []byte(n)); err != nil {
				t.Error(err)
			}
		}
	})
	read(t, ch, numbers(0, 5000)...)
}

func TestGroupThatFellBehindReadsOnFromTheHistory(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		ch := consume(t, s, "topic")
		publish(t, s, "topic", numbers(0, 9000)...)
		read(t, ch, numbers(0, 9000)...)
		none(t, ch)
	})
}

func TestConsumerThatStoppedReadingIsBounded(t *testing.T) {
	out := new(testkit.Buffer)
	bubble(t, func(t *testing.T, s events.Stream) {
		ch := consume(t, s, "topic")
		publish(t, s, "topic", "0")
		synctest.Wait() // it is with the consumer, which has room for 16 more
		publish(t, s, "topic", numbers(1, 5000)...)
		// 17 are with the consumer, 1024 in the queue; the history has 100.
		read(t, ch, numbers(0, 1041)...)
		read(t, ch, numbers(4900, 5000)...)
		none(t, ch)
		if !strings.Contains(out.String(), "3859 events lost") {
			t.Errorf("the log is %q", out)
		}
	}, events.StreamHistory(100, 1000), events.StreamLogger(logger.NewLogger(logger.WithOutput(out))))
}

func TestHistoryIsBoundedOverAllTopics(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		since := events.WithOffset(time.Now())
		publish(t, s, "quiet", "1")
		publish(t, s, "busy", numbers(0, 200)...) // only its own history is passed by
		read(t, consume(t, s, "quiet", since), "1")
		read(t, consume(t, s, "busy", since), numbers(190, 200)...)
		for i := range 30 {
			publish(t, s, fmt.Sprintf("topic-%d", i), "x")
		}
		none(t, consume(t, s, "quiet", since))
		read(t, consume(t, s, "topic-29", since), "x")
	}, events.StreamHistory(10, 20))
}

func TestStoreHoldsTheHistoryAsJSON(t *testing.T) {
	st := store.NewMemoryStore()
	s := newStream(t, events.StreamStore(st), events.StreamHistory(2, 10))
	ch := consume(t, s, "topic", events.WithOffset(time.Now()))
	publish(t, s, "topic", "1", "2", "3")
	var ids []string
	for range 3 {
		e := <-ch
		ids = append(ids, e.ID)
	}
	if keys, err := st.List(); err != nil || len(keys) != 2 {
		t.Errorf("keys are %v, %v", keys, err)
	}
	records, err := st.Read("topic/" + ids[2])
	if err != nil {
		t.Fatal(err)
	}
	var stored events.Event
	if err := json.Unmarshal(records[0].Value, &stored); err != nil || stored.ID != ids[2] || string(stored.Payload) != "3" {
		t.Errorf("stored is %s: %v", records[0].Value, err)
	}
}

func TestEventIsTheConsumersOwn(t *testing.T) {
	bubble(t, func(t *testing.T, s events.Stream) {
		one, two := consume(t, s, "topic"), consume(t, s, "topic")
		payload, metadata := []byte("abc"), map[string]string{"k": "v"}
		if err := s.Publish("topic", payload, events.WithMetadata(metadata)); err != nil {
			t.Fatal(err)
		}
		payload[0], metadata["k"] = 'X', "X"
		e := <-one
		e.Payload[1], e.Metadata["k"] = 'Y', "Y"
		if e := <-two; string(e.Payload) != "abc" || e.Metadata["k"] != "v" {
			t.Errorf("got %s %v", e.Payload, e.Metadata)
		}
	})
}

func TestCloseEndsConsumptionsAndMayBeRepeated(t *testing.T) {
	s := newStream(t)
	for i := range 5 {
		consume(t, s, "topic", events.WithGroup("g"))
		consume(t, s, "topic", events.WithAutoAck(false, time.Hour))
		publish(t, s, "topic", fmt.Sprint(i))
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() { closeStream(t, s) })
	}
	wg.Wait()
	if err := s.Publish("topic", "x"); !errors.Is(err, events.ErrClosed) {
		t.Errorf("Publish: %v", err)
	}
	if _, err := s.Consume("topic"); !errors.Is(err, events.ErrClosed) {
		t.Errorf("Consume: %v", err)
	}
}

func TestAnAckWaitOfZeroIsRefused(t *testing.T) {
	_, err := newStream(t).Consume("topic", events.WithAutoAck(false, 0))
	if err == nil || err.Error() != "invalid AckWait passed, should be positive integer" {
		t.Errorf("Consume: %v", err)
	}
}

func TestAckOnHandMadeEventIsNil(t *testing.T) {
	var e events.Event
	if err := errors.Join(e.Ack(), e.Nack()); err != nil {
		t.Error(err)
	}
	failure := errors.New("on purpose")
	e.SetAckFunc(func() error { return failure })
	e.SetNackFunc(func() error { return failure })
	if !errors.Is(e.Ack(), failure) || !errors.Is(e.Nack(), failure) {
		t.Error("the functions set are not called")
	}
}

func TestPackageFunctionsWithoutDefaultAreErrors(t *testing.T) {
	if err := events.Publish("topic", "x"); !errors.Is(err, events.ErrNoDefault) {
		t.Errorf("Publish: %v", err)
	}
	if _, err := events.Consume("topic"); !errors.Is(err, events.ErrNoDefault) {
		t.Errorf("Consume: %v", err)
	}
	if _, err := events.Read("topic"); !errors.Is(err, events.ErrNoDefault) {
		t.Errorf("Read: %v", err)
	}
}

func TestOptionsSetTheirFields(t *testing.T) {
	var r events.ReadOptions
	events.ReadLimit(7)(&r)
	events.ReadOffset(9)(&r)
	if r.Limit != 7 || r.Offset != 9 {
		t.Errorf("read options are %+v", r)
	}
	var c events.ConsumeOptions
	if c.GetRetryLimit() != -1 {
		t.Errorf("the default retry limit is %d", c.GetRetryLimit())
	}
	events.WithRetryLimit(0)(&c)
	if !c.CustomRetries || c.GetRetryLimit() != 0 {
		t.Errorf("a retry limit of zero is %d", c.GetRetryLimit())
	}
}

func Example() {
	stream, err := events.NewStream()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stream.(io.Closer).Close()
	ch, err := stream.Consume("orders", events.WithGroup("billing"))
	if err != nil {
		fmt.Println(err)
		return
	}
	type order struct{ Drink string }
	for _, drink := range []string{"tea", "coffee"} {
		if err := stream.Publish("orders", order{drink}); err != nil {
			fmt.Println(err)
		}
	}
	for range 2 {
		event := <-ch
		var o order
		if err := event.Unmarshal(&o); err != nil {
			fmt.Println(err)
		}
		fmt.Println(event.Topic, o.Drink)
	}
	// Output:
	// orders tea
	// orders coffee
}

func BenchmarkMemoryStreamOneGroup(b *testing.B) {
	s := newStream(b)
	ch := consume(b, s, "topic")
	payload := make([]byte, 128)
	done, window := make(chan struct{}), make(chan struct{}, 4096) // within the history
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		defer close(done)
		for range b.N {
			<-ch
			<-window
		}
	}()
	for range b.N {
		window <- struct{}{}
		if err := s.Publish("topic", payload); err != nil {
			b.Fatal(err)
		}
	}
	<-done
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
