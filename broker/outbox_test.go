package broker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
)

// world is what an outbox under test works with, in virtual time: nodes that
// answer as they are told to, the registry that knows them, and who is told.
type world struct {
	mu        sync.Mutex
	versions  map[string][]version // by topic
	lookup    error
	nodes     map[string]*testNode // by id
	discarded []string
	reasons   []error
	handled   bool // what is discarded is taken care of
	lines     []string
}

// testNode is one receiver. Its answer is asked for each delivery: nil takes all.
type testNode struct {
	atOnce int
	answer func(ctx context.Context, bodies []string) sent
	got    []string
}

var errDown = errors.New("down")

func down(context.Context, []string) sent { return notSent(unreachable, errDown) }

// hang keeps a delivery until its context ends.
func hang(ctx context.Context, _ []string) sent {
	<-ctx.Done()
	return notSent(unreachable, ctx.Err())
}

func newWorld() *world {
	return &world{versions: map[string][]version{}, nodes: map[string]*testNode{}, handled: true}
}

// join adds a node and returns it.
func (w *world) join(topic, name, id string, answer func(context.Context, []string) sent) *testNode {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := &testNode{atOnce: 1, answer: answer}
	w.nodes[id] = n
	versions := slices.Clone(w.versions[topic])
	i := slices.IndexFunc(versions, func(v version) bool { return v.name == name })
	if i < 0 {
		versions, i = append(versions, version{name: name}), len(versions)
	}
	versions[i].nodes = append(slices.Clone(versions[i].nodes), &registry.Node{Id: id, Address: id})
	w.versions[topic] = versions
	return n
}

// leave takes a node out of the registry.
func (w *world) leave(topic, id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var left []version
	for _, v := range w.versions[topic] {
		v.nodes = slices.DeleteFunc(slices.Clone(v.nodes), func(n *registry.Node) bool { return n.Id == id })
		if len(v.nodes) > 0 {
			left = append(left, v)
		}
	}
	w.versions[topic] = left
}

func (w *world) find(_ context.Context, topic string, _ time.Duration) ([]version, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.versions[topic]) == 0 && w.lookup == nil {
		return nil, registry.ErrNotFound
	}
	return w.versions[topic], w.lookup
}

func (w *world) deliver(ctx context.Context, n *registry.Node, messages [][]byte) sent {
	w.mu.Lock()
	node := w.nodes[n.Id]
	var bodies []string
	for _, m := range messages {
		bodies = append(bodies, string(m))
	}
	answer := node.answer
	w.mu.Unlock()
	out := sent{done: len(bodies)}
	if answer != nil {
		out = answer(ctx, bodies)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	node.got = append(node.got, bodies[:out.done]...)
	return out
}

func (w *world) outbox(t *testing.T, limits outboxLimits) *outbox {
	if limits.bytes == 0 {
		limits.bytes = 1 << 20
	}
	if limits.delivery == 0 {
		limits.delivery = time.Minute
	}
	o := newOutbox(outboxParts{
		find:    w.find,
		deliver: w.deliver,
		atOnce:  func(n *registry.Node) int { w.mu.Lock(); defer w.mu.Unlock(); return w.nodes[n.Id].atOnce },
		discard: func(_ string, body []byte, reason error) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.discarded = append(w.discarded, string(body))
			w.reasons = append(w.reasons, reason)
			return w.handled
		},
		log: func(level logger.Level, line string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.lines = append(w.lines, level.String()+" "+line)
		},
	}, limits)
	t.Cleanup(func() { _ = o.drain(time.Now()) })
	return o
}

func post(t *testing.T, o *outbox, topic string, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := o.publish(context.Background(), &outgoing{topic: topic, body: []byte(body)}); err != nil {
			t.Fatalf("publishing %s: %v", body, err)
		}
	}
}

func series(from, to int) (out []string) {
	for i := from; i < to; i++ {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// want compares what a node was delivered once nothing moves any more.
func (n *testNode) want(t *testing.T, bodies ...string) {
	t.Helper()
	synctest.Wait()
	if !slices.Equal(n.got, bodies) {
		t.Errorf("the node got %q, want %q", n.got, bodies)
	}
}

func (w *world) wantDiscarded(t *testing.T, bodies ...string) {
	t.Helper()
	synctest.Wait()
	if !slices.Equal(w.discarded, bodies) {
		t.Errorf("given up: %q, want %q", w.discarded, bodies)
	}
}

// failing answers with a failure the first times, and counts.
func failing(times int, kind failureKind, count *int) func(context.Context, []string) sent {
	return func(_ context.Context, bodies []string) sent {
		if *count++; *count <= times {
			return notSent(kind, errDown)
		}
		return sent{done: len(bodies)}
	}
}

func TestMessagesOfATopicNobodySubscribesToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		post(t, o, "topic", series(0, laneSize+6)...)
		w.wantDiscarded(t, series(0, 6)...)
		n := w.join("topic", "queue", "n", nil)
		time.Sleep(2 * maxRetry)
		n.want(t, series(6, laneSize+6)...)
	})
}

func TestPublishBringsWaitingMessagesToNewSubscribers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		post(t, o, "topic", "1", "2")
		n := w.join("topic", "queue", "n", nil)
		post(t, o, "topic", "3")
		n.want(t, "1", "2", "3")
	})
}

func TestOnlyTheReceiverThatFailedIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		tries := 0
		good := w.join("topic", "good", "a", nil)
		bad := w.join("topic", "bad", "b", failing(2, failed, &tries))
		post(t, o, "topic", "1")
		time.Sleep(time.Minute)
		good.want(t, "1")
		bad.want(t, "1")
		if tries != 3 {
			t.Errorf("%d attempts", tries)
		}
	})
}

func TestOtherNodesOfAQueueAreTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		w.join("topic", "queue", "dead", down)
		alive := w.join("topic", "queue", "alive", nil)
		post(t, o, "topic", series(0, 20)...)
		alive.want(t, series(0, 20)...)
	})
}

func TestAMessageIsGivenUp(t *testing.T) {
	for _, c := range []struct {
		name     string
		kind     failureKind
		attempts int
	}{
		{"after ten failures", failed, maxAttempts},
		{"after ten receivers that it ended", broken, maxAttempts},
		{"at once when it is refused", refused, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				o := w.outbox(t, outboxLimits{})
				tries := 0
				n := w.join("topic", "queue", "n", func(_ context.Context, bodies []string) sent {
					if bodies[0] != "poison" {
						return sent{done: len(bodies)}
					}
					tries++
					return notSent(c.kind, errDown)
				})
				post(t, o, "topic", "poison", "next")
				time.Sleep(time.Minute)
				n.want(t, "next")
				w.wantDiscarded(t, "poison")
				if tries != c.attempts {
					t.Errorf("%d attempts, want %d", tries, c.attempts)
				}
				if !errors.Is(w.reasons[0], errDown) {
					t.Errorf("the reason is %v", w.reasons[0])
				}
			})
		})
	}
}

func TestReceiversThatAreDownOrSlowAreNotBlamedOnTheMessage(t *testing.T) {
	for name, answer := range map[string]func(context.Context, []string) sent{"down": down, "slow": hang} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				o := w.outbox(t, outboxLimits{delivery: time.Second})
				for i := range 12 {
					w.join("topic", "queue", fmt.Sprint(i), answer)
				}
				post(t, o, "topic", "1", "2")
				time.Sleep(10 * time.Minute)
				n := w.join("topic", "queue", "n", nil)
				time.Sleep(time.Minute)
				n.want(t, "1", "2")
				w.wantDiscarded(t)
			})
		})
	}
}

func TestAFailureInABatchIsCountedForThoseItMayBeOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		release := make(chan struct{})
		kills := 0
		n := w.join("topic", "queue", "n", func(_ context.Context, bodies []string) sent {
			if bodies[0] == "hold" {
				<-release
			}
			i := slices.Index(bodies, "poison")
			if i < 0 {
				return sent{done: len(bodies)}
			}
			kills++
			return sent{done: i, failure: failure{broken, errDown}}
		})
		n.atOnce = maxBatch
		post(t, o, "topic", slices.Concat([]string{"hold"}, series(0, 10), []string{"poison"}, series(10, 20))...)
		close(release)
		time.Sleep(time.Minute)
		n.want(t, slices.Concat([]string{"hold"}, series(0, 20))...)
		w.wantDiscarded(t, "poison")
		if kills != maxAttempts {
			t.Errorf("it was offered %d times", kills)
		}
	})
}

func TestMessagesLeaveInTheOrderOfPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		tries := 0
		n := w.join("topic", "queue", "n", func(_ context.Context, bodies []string) sent {
			if tries++; tries == 20 {
				return notSent(unreachable, errDown)
			}
			return sent{done: 1}
		})
		post(t, o, "topic", series(0, 60)...)
		time.Sleep(time.Minute)
		n.want(t, series(0, 60)...)
	})
}

func TestAReceiverThatHangsHoldsUpNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{delivery: time.Hour})
		w.join("topic", "hung", "h", hang)
		w.join("topic", broadcastVersion, "b", hang)
		queue := w.join("topic", "queue", "q", nil)
		single := w.join("topic", broadcastVersion, "s", nil)
		began := time.Now()
		post(t, o, "topic", series(0, 200)...)
		queue.want(t, series(0, 200)...)
		single.want(t, series(0, 200)...)
		// One is on its way and 64 wait, for each of the hung ones.
		if n := len(w.discarded); n != 2*(200-1-laneSize) {
			t.Errorf("%d messages were given up", n)
		}
		if d := time.Since(began); d != stallAfter {
			t.Errorf("publishing took %v, want the %v that a delivery may take", d, stallAfter)
		}
	})
}

func TestADeliveryThatHangsIsGivenToAnotherNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{delivery: 3 * time.Second})
		w.join("topic", "queue", "h", hang)
		n := w.join("topic", "queue", "n", nil)
		post(t, o, "topic", "1", "2", "3")
		time.Sleep(3*time.Second + time.Millisecond)
		n.want(t, "1", "2", "3")
	})
}

func TestABroadcastWaitsForASubscriberThatRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		w.join("topic", broadcastVersion, "old", down)
		post(t, o, "topic", "1", "2")
		synctest.Wait()
		w.leave("topic", "old")
		time.Sleep(time.Second)
		n := w.join("topic", broadcastVersion, "new", nil)
		time.Sleep(time.Minute)
		n.want(t, "1", "2")
	})
}

func TestABroadcastThatEndsEachSubscriberIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		kills := 0
		for i := range maxAttempts + 1 {
			id := fmt.Sprint(i)
			w.join("topic", broadcastVersion, id, func(context.Context, []string) sent {
				kills++
				go w.leave("topic", id)
				return notSent(broken, errDown)
			})
			if i == 0 {
				post(t, o, "topic", "poison")
			}
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		w.wantDiscarded(t, "poison")
		if kills != maxAttempts {
			t.Errorf("it ended %d subscribers before it was given up", kills)
		}
	})
}

func TestPublishFailsWithTheRegistryAndKeepsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		w.lookup = errDown
		err := o.publish(context.Background(), &outgoing{topic: "topic", body: []byte("1")})
		if !errors.Is(err, errDown) || !strings.Contains(err.Error(), "topic") {
			t.Errorf("publishing: %v", err)
		}
		w.lookup = nil
		n := w.join("topic", "queue", "n", nil)
		post(t, o, "topic", "2")
		n.want(t, "2")
	})
}

func TestAContextEndsTheWaitForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		w.join("topic", "queue", "n", hang)
		post(t, o, "topic", series(0, 1+laneSize)...)
		ctx, cancel := context.WithTimeout(context.Background(), stallAfter/2)
		defer cancel()
		if err := o.publish(ctx, &outgoing{topic: "topic"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("publishing: %v", err)
		}
	})
}

func TestMessagesWaitForABoundedNumberOfReceiversThatAreNotThere(t *testing.T) {
	t.Run("topics", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			o := w.outbox(t, outboxLimits{})
			for i := range maxWaiting + 6 {
				post(t, o, fmt.Sprint("topic", i), fmt.Sprint(i))
				time.Sleep(time.Microsecond)
			}
			w.wantDiscarded(t, series(0, 6)...)
		})
	})
	t.Run("queues", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			o := w.outbox(t, outboxLimits{})
			for i := range maxWaiting + 6 {
				w.join("topic", fmt.Sprint(i), fmt.Sprint("node", i), down)
			}
			post(t, o, "topic", "x")
			synctest.Wait()
			w.mu.Lock()
			w.versions = map[string][]version{}
			w.mu.Unlock()
			time.Sleep(time.Minute)
			w.wantDiscarded(t, slices.Repeat([]string{"x"}, 6)...)
		})
	})
}

// The bytes that wait have one bound, whatever the number of receivers.
func TestWhatWaitsForAllReceiversHasOneBoundInBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, size, receivers = 100_000, 1000, 50
		w := newWorld()
		o := w.outbox(t, outboxLimits{bytes: limit})
		for i := range receivers {
			w.join(fmt.Sprint("topic", i), "queue", fmt.Sprint(i), down)
		}
		w.join("large", "queue", "large", down)
		post(t, o, "large", strings.Repeat("l", limit/2), strings.Repeat("l", limit/2-1))
		synctest.Wait()
		for range 10 {
			for i := range receivers {
				post(t, o, fmt.Sprint("topic", i), strings.Repeat("x", size))
			}
		}
		synctest.Wait()
		o.mu.Lock()
		waiting := o.waiting
		o.mu.Unlock()
		if waiting > limit || waiting < limit-size {
			t.Errorf("%d bytes wait, want just under %d", waiting, limit)
		}
		// The receiver with the most went first, though its messages are the newest.
		if len(w.discarded[0]) != limit/2 || len(w.discarded[1]) != limit/2-1 {
			t.Errorf("given up first are messages of %d and %d bytes", len(w.discarded[0]), len(w.discarded[1]))
		}
		if text := w.reasons[0].Error(); !strings.Contains(text, "999 bytes more than the 100000") {
			t.Errorf("the reason is %q", text)
		}
	})
}

func TestAMessageForManyReceiversCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{bytes: 10_000})
		for i := range 100 {
			w.join("topic", broadcastVersion, fmt.Sprint(i), down)
		}
		for range 10 {
			post(t, o, "topic", strings.Repeat("x", 900))
		}
		w.wantDiscarded(t)
	})
}

func TestPublishersWaitForBytesOfAReceiverThatKeepsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{bytes: 3000})
		n := w.join("topic", "queue", "n", func(_ context.Context, bodies []string) sent {
			time.Sleep(stallAfter / 2)
			return sent{done: len(bodies)}
		})
		var bodies []string
		for i := range 30 {
			bodies = append(bodies, fmt.Sprintf("%01000d", i))
		}
		post(t, o, "topic", bodies...)
		time.Sleep(time.Minute)
		n.want(t, bodies...)
		w.wantDiscarded(t)
	})
}

func TestAnEmptyOutboxCountsNoBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{bytes: 2000})
		var tries atomic.Int64
		kinds := []failureKind{failed, unreachable, broken, unknown}
		answer := func(_ context.Context, bodies []string) sent {
			n := int(tries.Add(1))
			if n%3 == 0 {
				return sent{done: 1 + len(bodies)/2}
			}
			return notSent(kinds[n%len(kinds)], errDown)
		}
		for i := range 3 {
			w.join("topic", broadcastVersion, fmt.Sprint("b", i), answer).atOnce = 5
			w.join("topic", "queue", fmt.Sprint("q", i), answer).atOnce = 5
		}
		for i := range 50 {
			post(t, o, "topic", strings.Repeat("x", i*7))
			time.Sleep(100 * time.Millisecond)
		}
		w.leave("topic", "b0")
		time.Sleep(time.Hour)
		synctest.Wait()
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.waiting != 0 || len(o.lanes) != 0 || len(o.fullest) != 0 {
			t.Errorf("%d bytes wait in %d lanes, %d of them in order", o.waiting, len(o.lanes), len(o.fullest))
		}
	})
}

func TestTheLogIsToldOfAReceiverOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.handled = false
		o := w.outbox(t, outboxLimits{})
		const receivers, seconds = 10, 5
		for i := range receivers {
			w.join(fmt.Sprint("topic", i), "queue", fmt.Sprint(i), down)
		}
		for range seconds * 100 {
			for i := range receivers {
				post(t, o, fmt.Sprint("topic", i), "x")
			}
			time.Sleep(time.Second / 100)
		}
		synctest.Wait()
		if n := len(w.lines); n > receivers*(seconds+2) {
			t.Errorf("%d lines for %d receivers in %d seconds: %q", n, receivers, seconds, w.lines[:20])
		}
		told := 0
		for _, line := range w.lines {
			var n int
			if _, counted, ok := strings.Cut(line, "queue: "); ok {
				if _, err := fmt.Sscanf(counted, "%d times more", &n); err == nil {
					told += n
				} else if strings.HasPrefix(line, "error") {
					told++
				}
			}
		}
		_ = o.drain(time.Now())
		if told < len(w.discarded)-receivers*100 {
			t.Errorf("the log counts %d of %d messages that were given up", told, len(w.discarded))
		}
		if warned := slices.IndexFunc(w.lines, func(l string) bool {
			return strings.HasPrefix(l, "warn topic topic0, queue queue: not delivered: down; trying again")
		}); warned < 0 {
			t.Errorf("there is no warning of a first failure in %q", w.lines)
		}
	})
}

func TestADrainDeliversWhatItCan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		n := w.join("topic", "queue", "n", func(_ context.Context, bodies []string) sent {
			time.Sleep(time.Millisecond)
			return sent{done: len(bodies)}
		})
		post(t, o, "topic", series(0, 50)...)
		if err := o.drain(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		n.want(t, series(0, 50)...)
		if err := o.publish(context.Background(), &outgoing{topic: "topic"}); !errors.Is(err, ErrNotConnected) {
			t.Errorf("publishing after a drain: %v", err)
		}
	})
}

func TestADrainUsesItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		n := w.join("topic", "queue", "n", down)
		post(t, o, "topic", "1", "2")
		synctest.Wait()
		go func() { // the receiver is back in time
			time.Sleep(4 * time.Second)
			w.mu.Lock()
			defer w.mu.Unlock()
			n.answer = nil
		}()
		if err := o.drain(time.Now().Add(10 * time.Second)); err != nil {
			t.Error(err)
		}
		n.want(t, "1", "2")
	})
}

func TestADrainEndsAtItsDeadlineAndKeepsTheRest(t *testing.T) {
	for name, answer := range map[string]func(context.Context, []string) sent{"down": down, "hung": hang} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				o := w.outbox(t, outboxLimits{})
				n := w.join("dead", "queue", "n", answer)
				post(t, o, "dead", "1", "2", "3")
				post(t, o, "nobody", "4")
				synctest.Wait()
				began := time.Now()
				err := o.drain(began.Add(5 * time.Second))
				if d := time.Since(began); d != 5*time.Second {
					t.Errorf("the drain took %v", d)
				}
				var undelivered *UndeliveredError
				if !errors.As(err, &undelivered) || undelivered.Error() != "messages were not delivered: topic dead: 3, topic nobody: 1" {
					t.Errorf("the drain says %v", err)
				}
				w.mu.Lock()
				n.answer = nil
				w.mu.Unlock()
				o.resume()
				time.Sleep(time.Minute)
				n.want(t, "1", "2", "3")
			})
		})
	}
}

func TestADrainDoesNotWaitForSubscribersThatAreNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		o := w.outbox(t, outboxLimits{})
		w.join("left", "queue", "n", down)
		post(t, o, "left", "1")
		post(t, o, "nobody", "2")
		synctest.Wait()
		w.leave("left", "n")
		time.Sleep(time.Minute)
		began := time.Now()
		var undelivered *UndeliveredError
		if err := o.drain(began.Add(time.Hour)); !errors.As(err, &undelivered) {
			t.Errorf("the drain says %v", err)
		}
		if d := time.Since(began); d > 0 {
			t.Errorf("the drain took %v", d)
		}
	})
}
