package integration_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	goredis "github.com/go-redis/redis/v8"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/eventstest"
	stream "github.com/justcy/go-micro/v4/events/redis"
	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/redisjanitor"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/logger"
)

func nextEvent(t testing.TB, ch <-chan events.Event) events.Event {
	t.Helper()
	select {
	case e := <-ch:
		return e
	case <-time.After(testkit.Patience):
		t.Fatal("no event arrives")
		panic("unreachable")
	}
}

func none(t testing.TB, ch <-chan events.Event, d time.Duration) {
	t.Helper()
	select {
	case e := <-ch:
		t.Errorf("got %s", e.Payload)
	case <-time.After(d):
	}
}

func TestRedisEntriesAreInTheLayoutOfGoMicroV4(t *testing.T) {
	url, topic, ctx := servers.RealRedis(t), unique("layout."), context.Background()
	s, c := newRedisStream(t, url), redisClient(t, url)
	must(t, s.Publish(topic, map[string]int{"n": 1}, events.WithMetadata(map[string]string{"k": "v"})))
	entries, err := c.XRange(ctx, "stream-"+topic, "-", "+").Result()
	must(t, err)
	if len(entries) != 1 || len(entries[0].Values) != 2 || entries[0].Values["attempt"] != "1" {
		t.Fatalf("entries are %v", entries)
	}
	var e struct {
		ID, Topic string
		Timestamp time.Time
		Metadata  map[string]string
		Payload   []byte
	}
	must(t, json.Unmarshal([]byte(entries[0].Values["event"].(string)), &e))
	if e.ID == "" || e.Topic != topic || e.Timestamp.IsZero() || e.Metadata["k"] != "v" || string(e.Payload) != `{"n":1}` {
		t.Errorf("event is %s", entries[0].Values["event"])
	}
}

// theirEvent is the JSON of an event as another process writes it.
func theirEvent(topic, payload string) string {
	encoded, err := json.Marshal(events.Event{ID: unique("id-"), Topic: topic, Payload: []byte(payload)})
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

func TestRedisEntryWithoutAnAttemptIsTheFirst(t *testing.T) {
	url, topic := servers.RealRedis(t), unique("attempt.")
	s, c := newRedisStream(t, url), redisClient(t, url)
	ch, err := s.Consume(topic, events.WithGroup("g"), events.WithAutoAck(false, 100*time.Millisecond), events.WithRetryLimit(1))
	must(t, err)
	addEntry(t, c, topic, "event", theirEvent(topic, "first"))
	addEntry(t, c, topic, "event", theirEvent(topic, "odd"), "attempt", "x")
	for range 4 { // both twice
		nextEvent(t, ch)
	}
	none(t, ch, time.Second)
}

func TestRedisAttemptsOfGoMicroV4CountForTheRetryLimit(t *testing.T) {
	url, topic := servers.RealRedis(t), unique("attempt.")
	s, c := newRedisStream(t, url), redisClient(t, url)
	ch, err := s.Consume(topic, events.WithGroup("g"), events.WithAutoAck(false, 100*time.Millisecond), events.WithRetryLimit(2))
	must(t, err)
	addEntry(t, c, topic, "event", theirEvent(topic, "put back once"), "attempt", 2)
	addEntry(t, c, topic, "event", theirEvent(topic, "put back too often"), "attempt", 4)
	for range 2 {
		if e := nextEvent(t, ch); string(e.Payload) != "put back once" {
			t.Errorf("got %s", e.Payload)
		}
	}
	none(t, ch, time.Second)
	testkit.Eventually(t, "nothing is pending", func() bool {
		p, err := c.XPending(context.Background(), "stream-"+topic, "g").Result()
		return err == nil && p.Count == 0
	})
}

func TestRedisNackComesBackAtOnceAndToItsGroupAlone(t *testing.T) {
	url, topic := servers.RealRedis(t), unique("nack.")
	s := newRedisStream(t, url)
	manual := events.WithAutoAck(false, time.Hour)
	one, err := s.Consume(topic, events.WithGroup("one"), manual)
	must(t, err)
	two, err := s.Consume(topic, events.WithGroup("two"), manual)
	must(t, err)
	must(t, s.Publish(topic, "x"))
	for range 3 {
		e := nextEvent(t, one)
		must(t, e.Nack())
	}
	e := nextEvent(t, two)
	must(t, e.Ack())
	none(t, two, 200*time.Millisecond)
	if n := redisClient(t, url).XLen(context.Background(), "stream-"+topic).Val(); n != 1 {
		t.Errorf("the stream has %d entries", n)
	}
}

func TestRedisPendingEntriesOfConsumersThatAreGoneAreTakenOver(t *testing.T) {
	url, topic, ctx := servers.RealRedis(t), unique("gone."), context.Background()
	s, c := newRedisStream(t, url), redisClient(t, url)
	key := "stream-" + topic
	must(t, c.XGroupCreateMkStream(ctx, key, "g", "$").Err())
	for i := range 100 {
		must(t, s.Publish(topic, i))
	}
	must(t, c.XReadGroup(ctx, &goredis.XReadGroupArgs{Group: "g", Consumer: "gone", Streams: []string{key, ">"}}).Err())
	ch, err := s.Consume(topic, events.WithGroup("g"), events.WithAutoAck(false, 200*time.Millisecond))
	must(t, err)
	must(t, s.Publish(topic, 100))
	seen := map[string]bool{}
	for len(seen) < 101 {
		e := nextEvent(t, ch)
		must(t, e.Ack())
		seen[string(e.Payload)] = true
	}
}

func TestRedisGroupsAreMadeAgainWhenTheServerHasLostThem(t *testing.T) {
	server, topic := servers.NewRedis(t), "lost"
	s, c := newRedisStream(t, server.URL), redisClient(t, server.URL)
	ch, err := s.Consume(topic, events.WithGroup("g"))
	must(t, err)
	must(t, s.Publish(topic, "before"))
	nextEvent(t, ch)
	must(t, c.FlushAll(context.Background()).Err())
	must(t, s.Publish(topic, "after"))
	if e := nextEvent(t, ch); string(e.Payload) != `"after"` {
		t.Errorf("got %s", e.Payload)
	}
}

func TestARedisConsumerThatDoesNotReadGivesItsEventsBack(t *testing.T) {
	t.Parallel()
	url, topic := servers.RealRedis(t), unique("stalled.")
	s := newRedisStream(t, url)
	group, manual := events.WithGroup("g"), events.WithAutoAck(false, time.Minute)
	stalled, err := s.Consume(topic, group, manual)
	must(t, err)
	const n = 30
	for i := range n {
		must(t, s.Publish(topic, i))
	}
	e := nextEvent(t, stalled)
	must(t, e.Ack()) // and reads no more
	reading, err := s.Consume(topic, group, manual)
	must(t, err)
	for range n - 1 { // long before a minute has passed
		e := nextEvent(t, reading)
		must(t, e.Ack())
	}
	nextEvent(t, stalled) // it is there when it is read from again, with what was on offer
	must(t, s.Publish(topic, "later"))
	for got := false; !got; {
		select {
		case e = <-stalled:
		case e = <-reading:
		case <-time.After(testkit.Patience):
			t.Fatal("no event arrives")
		}
		must(t, e.Ack())
		got = string(e.Payload) == `"later"`
	}
}

func TestRedisEntriesThatAreNoEventAreAcknowledgedAndReported(t *testing.T) {
	url, topic, log := servers.RealRedis(t), unique("nonsense."), &lines{Logger: logger.DefaultLogger}
	c := redisClient(t, url)
	_, err := newRedisStream(t, url, stream.Logger(log)).Consume(topic, events.WithGroup("g"), events.WithAutoAck(false, time.Hour))
	must(t, err)
	addEntry(t, c, topic, "event", "no event")
	addEntry(t, c, topic, "other", "field")
	testkit.Eventually(t, "it is reported", func() bool { return log.has("which is no event") })
	testkit.Eventually(t, "it is done with", func() bool {
		return c.XPending(context.Background(), "stream-"+topic, "g").Val().Count == 0
	})
}

// TestRedisEventsThatWereFetchedAreHandedOverWhileTheServerHangs has a consumer fetch
// more events than it acknowledges at once.
func TestRedisEventsThatWereFetchedAreHandedOverWhileTheServerHangs(t *testing.T) {
	t.Parallel()
	url, topic, ctx := servers.RealRedis(t), unique("hangs."), context.Background()
	p, c, direct := servers.NewProxy(t, url), redisClient(t, url), newRedisStream(t, url)
	ch, err := newRedisStream(t, p.URL).Consume(topic, events.WithGroup("g"))
	must(t, err)
	for i := range 4000 {
		must(t, direct.Publish(topic, i))
	}
	const enough = 340
	testkit.Eventually(t, "so many are fetched", func() bool {
		nextEvent(t, ch)
		if c.XPending(ctx, "stream-"+topic, "g").Val().Count < enough {
			return false
		}
		time.Sleep(2 * time.Second) // until those that were read are acknowledged
		return c.XPending(ctx, "stream-"+topic, "g").Val().Count >= enough
	})
	p.Freeze()
	begun := time.Now()
	for range enough {
		nextEvent(t, ch)
	}
	if took := time.Since(begun); took > 60*time.Second {
		t.Errorf("it took %v", took)
	}
	p.Restore()
}

func TestRedisGroupsOfConsumersWithoutOneEndWithThem(t *testing.T) {
	url, topic, ctx := servers.RealRedis(t), unique("anonymous."), context.Background()
	s, c := newRedisStream(t, url), redisClient(t, url)
	consuming, end := context.WithCancel(ctx)
	_, err := s.Consume(topic, events.WithContext(consuming))
	must(t, err)
	groups := func() int {
		reply, err := c.Do(ctx, "XINFO", "GROUPS", "stream-"+topic).Slice()
		must(t, err)
		return len(reply)
	}
	if n := groups(); n != 1 {
		t.Errorf("there are %d groups", n)
	}
	end()
	testkit.Eventually(t, "the group is gone", func() bool { return groups() == 0 })
}

func TestTheRedisJanitorSparesWhatIsNeeded(t *testing.T) {
	server, ctx := servers.NewRedis(t), context.Background()
	c := redisClient(t, server.URL)
	old := time.Now().Add(-time.Hour)
	for i := range 10 {
		must(t, c.XAdd(ctx, &goredis.XAddArgs{Stream: "stream-a", ID: fmt.Sprintf("%d-%d", old.UnixMilli(), i), Values: []any{"event", "{}"}}).Err())
	}
	for range 5 {
		must(t, c.XAdd(ctx, &goredis.XAddArgs{Stream: "stream-a", Values: []any{"event", "{}"}}).Err())
	}
	must(t, c.Set(ctx, "stream-that-is-none", "x", 0).Err())
	read := func(group, consumer string, n int64) {
		must(t, c.XReadGroup(ctx, &goredis.XReadGroupArgs{Group: group, Consumer: consumer, Count: n, Streams: []string{"stream-a", ">"}}).Err())
	}
	for _, group := range []string{"kept", "anonymous-gone"} {
		must(t, c.XGroupCreate(ctx, "stream-a", group, fmt.Sprint(time.Now().Add(-time.Minute).UnixMilli())).Err())
		read(group, "with pending", 1)
		read(group, "without", 1)
		must(t, c.XAck(ctx, "stream-a", group, lastPending(t, c, group, "without")).Err())
	}
	must(t, c.XGroupCreate(ctx, "stream-a", "anonymous-new", "$").Err()) // nobody has read yet
	j := &redisjanitor.Janitor{Client: c, Log: logger.DefaultLogger, Prefix: "stream-", Anonymous: "anonymous-", Retention: time.Minute, GoneAfter: time.Hour}
	must(t, j.Clean(ctx))
	if n := c.XLen(ctx, "stream-a").Val(); n != 5 {
		t.Errorf("%d entries are left", n)
	}
	if got := consumers(t, c, "kept"); len(got) != 2 {
		t.Errorf("of the group that lives there are %v", got)
	}
	time.Sleep(50 * time.Millisecond)
	j.GoneAfter = 20 * time.Millisecond
	must(t, j.Clean(ctx))
	if got := consumers(t, c, "kept"); len(got) != 1 || got[0] != "with pending" {
		t.Errorf("of the group that is gone there are %v", got)
	}
	groups, err := c.Do(ctx, "XINFO", "GROUPS", "stream-a").Result()
	must(t, err)
	if text := fmt.Sprint(groups); strings.Contains(text, "anonymous-gone") || !strings.Contains(text, "anonymous-new") {
		t.Errorf("groups are %s", text)
	}
}

func lastPending(t *testing.T, c *goredis.Client, group, consumer string) string {
	p, err := c.XPendingExt(context.Background(), &goredis.XPendingExtArgs{Stream: "stream-a", Group: group, Start: "-", End: "+", Count: 10, Consumer: consumer}).Result()
	must(t, err)
	return p[len(p)-1].ID
}

func consumers(t *testing.T, c *goredis.Client, group string) (names []string) {
	reply, err := c.Do(context.Background(), "XINFO", "CONSUMERS", "stream-a", group).Slice()
	must(t, err)
	for _, item := range reply {
		names = append(names, item.([]any)[1].(string))
	}
	return names
}

func TestRedisStreamsSayWhyTheyCannotConnect(t *testing.T) {
	s := servers.NewRedis(t)
	must(t, redisClient(t, s.URL).ConfigSet(context.Background(), "requirepass", "secret").Err())
	host := strings.TrimPrefix(s.URL, "redis://")
	for name, opts := range map[string][]stream.Option{
		"no password":    {stream.Address(s.URL)},
		"wrong password": {stream.Address(host), stream.Password("wrong")},
		"nobody there":   {stream.Address(fmt.Sprintf("redis://:secret@127.0.0.1:%d", testkit.FreePort(t)))},
		"no address":     {stream.Address("http://" + host)},
	} {
		begun := time.Now()
		_, err := stream.NewStream(opts...)
		if err == nil || strings.Contains(err.Error(), "secret") || time.Since(begun) > 20*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(begun))
		}
		t.Log(err)
	}
	must(t, newRedisStream(t, host, stream.Password("secret")).Publish("t", 1))
}

func TestRedisStreamsLeaveNoConnectionBehind(t *testing.T) {
	server := servers.NewRedis(t)
	s, err := stream.NewStream(stream.Address(server.URL))
	must(t, err)
	for i := range 30 { // more than a pool has
		_, err := s.Consume(fmt.Sprint("topic-", i%3), events.WithGroup("g"))
		must(t, err)
	}
	must(t, s.Publish("topic-1", "x"))
	must(t, s.(io.Closer).Close())
	if err := s.Publish("topic-1", "x"); !errors.Is(err, events.ErrClosed) {
		t.Errorf("Publish after Close: %v", err)
	}
	c := redisClient(t, server.URL)
	testkit.Eventually(t, "there is one connection, the test's own", func() bool {
		list, err := c.ClientList(context.Background()).Result()
		return err == nil && strings.Count(list, "\n") == 1
	})
	if got := strings.Count(fmt.Sprint(c.Do(context.Background(), "XINFO", "CONSUMERS", "stream-topic-0", "g").Val()), "pending"); got != 0 {
		t.Errorf("%d consumers are left in the group", got)
	}
}

func TestRedisEventsOnACluster(t *testing.T) {
	t.Parallel()
	addrs := strings.Join(servers.NewRedisCluster(t), ",")
	h := redisStreams("")
	h.New = func(t testing.TB) events.Stream { return newRedisStream(t, addrs) }
	h.Inject, h.Outage = nil, nil
	eventstest.Run(t, h)
}
