package eventstest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/internal/conformance"
)

// StoreHarness tells the suite how to use an event store and what it cannot do.
type StoreHarness struct {
	// New returns a store that is ready for use. The backend may be shared.
	New func(t testing.TB) events.Store
	// Settle is how long a write may take to be seen by a read. Zero: none.
	Settle time.Duration
	// TTL is the shortest lifetime the backend can do. Zero: 50ms.
	TTL time.Duration
	// Patience is how long to wait for an event to expire. Zero: 20s.
	Patience time.Duration

	// NoExpiry: events do not expire.
	NoExpiry bool
}

// RunStore checks all rules for event stores.
func RunStore(t *testing.T, h StoreHarness) { conformance.Run(t, h, storeRules) }

var storeRules = []conformance.Rule[StoreHarness]{
	{Sentence: "a written event is read back", Check: storeReadBack},
	{Sentence: "reading or writing without a topic is ErrMissingTopic", Check: storeMissingTopic},
	{Sentence: "events are ordered by timestamp, then by id", Check: storeOrder},
	{Sentence: "limit and offset count within the topic", Check: storePages},
	{Sentence: "a read without a limit returns 250 events", Check: storeDefaultLimit},
	{Sentence: "a topic has no events of topics below it", Check: storeTopics},
	{Sentence: "writing an event again replaces it", Check: storeReplace},
	{Sentence: "an event is gone after its TTL", Gap: gap("NoExpiry", func(h StoreHarness) bool { return h.NoExpiry }), Check: storeTTL},
}

type storeFixture struct {
	testing.TB
	events.Store
	h     StoreHarness
	topic string
	start time.Time
}

func setupStore(t testing.TB, h StoreHarness) *storeFixture {
	if h.TTL <= 0 {
		h.TTL = 50 * time.Millisecond
	}
	if h.Patience <= 0 {
		h.Patience = 20 * time.Second
	}
	return &storeFixture{TB: t, Store: h.New(t), h: h, topic: unique("topic"), start: time.Now().Add(-time.Hour)}
}

// write stores an event of so many seconds after the start.
func (f *storeFixture) write(topic, payload string, second int, opts ...events.WriteOption) *events.Event {
	f.Helper()
	e := &events.Event{
		ID: uuid.NewString(), Topic: topic, Payload: []byte(payload),
		Timestamp: f.start.Add(time.Duration(second) * time.Second),
	}
	if err := f.Write(e, opts...); err != nil {
		f.Fatalf("Write: %v", err)
	}
	return e
}

func (f *storeFixture) want(what string, want []string, opts ...events.ReadOption) {
	f.Helper()
	time.Sleep(f.h.Settle)
	if got := f.payloads(opts...); !slices.Equal(got, want) {
		f.Errorf("%s: got %s, want %s", what, brief(got), brief(want))
	}
}

func (f *storeFixture) payloads(opts ...events.ReadOption) []string {
	f.Helper()
	list, err := f.Read(f.topic, opts...)
	if err != nil {
		f.Fatalf("Read: %v", err)
	}
	var got []string
	for _, e := range list {
		got = append(got, string(e.Payload))
	}
	return got
}

func storeReadBack(t testing.TB, h StoreHarness) {
	f := setupStore(t, h)
	in := f.write(f.topic, "x", 0)
	time.Sleep(h.Settle)
	list, err := f.Read(f.topic)
	if err != nil || len(list) != 1 {
		t.Fatalf("Read: %d events, %v", len(list), err)
	}
	if e := list[0]; e.ID != in.ID || e.Topic != f.topic || string(e.Payload) != "x" || !e.Timestamp.Equal(in.Timestamp) {
		t.Errorf("wrote %+v, read %+v", in, e)
	}
}

func storeMissingTopic(t testing.TB, h StoreHarness) {
	f := setupStore(t, h)
	if _, err := f.Read(""); !errors.Is(err, events.ErrMissingTopic) {
		t.Errorf("Read: %v", err)
	}
	if err := f.Write(&events.Event{ID: "x"}); !errors.Is(err, events.ErrMissingTopic) {
		t.Errorf("Write: %v", err)
	}
}

func storeOrder(t testing.TB, h StoreHarness) {
	f := setupStore(t, h)
	for _, i := range []int{3, 1, 4, 0, 2} {
		f.write(f.topic, numbered(5)[i], i)
	}
	f.want("Read", numbered(5))
	same := unique("same")
	var ids []string
	for range 5 {
		ids = append(ids, f.write(same, "x", 0).ID)
	}
	slices.Sort(ids)
	time.Sleep(h.Settle)
	list, err := f.Read(same)
	if err != nil {
		t.Fatalf("Read: %v", err)
	}
	if !slices.EqualFunc(list, ids, func(e *events.Event, id string) bool { return e.ID == id }) {
		t.Errorf("events of one time are not ordered by id")
	}
}

func storePages(t testing.TB, h StoreHarness) {
	f := setupStore(t, h)
	for i, p := range numbered(6) {
		f.write(unique("other"), "other", i)
		f.write(f.topic, p, i)
	}
	f.want("limit 2", numbered(6)[:2], events.ReadLimit(2))
	f.want("offset 1, limit 2", numbered(6)[1:3], events.ReadOffset(1), events.ReadLimit(2))
	f.want("offset 5, limit 2", numbered(6)[5:], events.ReadOffset(5), events.ReadLimit(2))
	f.want("offset 9", nil, events.ReadOffset(9))
}

func storeDefaultLimit(t testing.TB, h StoreHarness) {
	f := setupStore(t, h)
	for i, p := range numbered(260) {
		f.write(f.topic, p, i)
	}
	f.want("Read", numbered(260)[:250])
}

func storeTopics(t testing.TB, h StoreHarness) {
	f := setupStore(t, h)
	f.write(f.topic, "own", 0)
	f.write(f.topic+"/below", "below", 1)
	f.write(f.topic+"x", "beside", 2)
	f.want("Read", []string{"own"})
}

func storeReplace(t testing.TB, h StoreHarness) {
	f := setupStore(t, h)
	e := f.write(f.topic, "one", 0)
	e.Payload = []byte("two")
	if err := f.Write(e); err != nil {
		t.Fatalf("Write: %v", err)
	}
	f.want("Read", []string{"two"})
}

func storeTTL(t testing.TB, h StoreHarness) {
	f := setupStore(t, h)
	f.write(f.topic, "gone", 0, events.WithTTL(f.h.TTL))
	f.write(f.topic, "stays", 1, events.WithTTL(0))
	deadline := time.Now().Add(f.h.Patience)
	for !slices.Equal(f.payloads(), []string{"stays"}) {
		if time.Now().After(deadline) {
			t.Fatalf("after the TTL there are %q", f.payloads())
		}
		time.Sleep(10 * time.Millisecond)
	}
}
