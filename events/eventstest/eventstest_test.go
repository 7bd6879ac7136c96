package eventstest_test

import (
	"context"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/eventstest"
)

func harness(wrap func(events.Stream) events.Stream) eventstest.Harness {
	return eventstest.Harness{
		New: func(t testing.TB) events.Stream {
			s, err := events.NewStream()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.(io.Closer).Close() })
			return wrap(s)
		},
		Quiet:     5 * time.Millisecond,
		Patience:  200 * time.Millisecond,
		NoSharing: true,
	}
}

func TestGoodStreamKeepsAllRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := harness(func(s events.Stream) events.Stream { return s })
		h.Patience = 0
		for rule, failure := range eventstest.Broken(t, h) {
			t.Errorf("%s: %s", rule, failure)
		}
	})
}

// wrong is a memory stream with one behaviour replaced.
type wrong struct {
	events.Stream
	publish func(s events.Stream, topic string, msg any, opts ...events.PublishOption) error
	consume func(s events.Stream, topic string, opts ...events.ConsumeOption) (<-chan events.Event, error)
}

func (w *wrong) Publish(topic string, msg any, opts ...events.PublishOption) error {
	if w.publish != nil {
		return w.publish(w.Stream, topic, msg, opts...)
	}
	return w.Stream.Publish(topic, msg, opts...)
}

func (w *wrong) Close() error { return w.Stream.(io.Closer).Close() }

func (w *wrong) Consume(topic string, opts ...events.ConsumeOption) (<-chan events.Event, error) {
	if w.consume != nil {
		return w.consume(w.Stream, topic, opts...)
	}
	return w.Stream.Consume(topic, opts...)
}

// with makes a Consume that changes the options.
func with(change events.ConsumeOption) func(events.Stream, string, ...events.ConsumeOption) (<-chan events.Event, error) {
	return func(s events.Stream, topic string, opts ...events.ConsumeOption) (<-chan events.Event, error) {
		return s.Consume(topic, append(opts, change)...)
	}
}

var wrongStreams = []struct {
	name  string
	rule  string // which must be found broken
	wrong wrong
}{
	{"loses events", "bytes are the payload as they are", wrong{
		publish: func(events.Stream, string, any, ...events.PublishOption) error { return nil },
	}},
	{"doubles events", "events arrive in publish order, each once", wrong{
		publish: func(s events.Stream, topic string, msg any, opts ...events.PublishOption) error {
			_ = s.Publish(topic, msg, opts...)
			return s.Publish(topic, msg, opts...)
		},
	}},
	{"drops metadata", "an event carries id, topic, time and metadata", wrong{
		publish: func(s events.Stream, topic string, msg any, opts ...events.PublishOption) error {
			return s.Publish(topic, msg, append(opts, events.WithMetadata(nil))...)
		},
	}},
	{"ignores groups", "a group gets each event once", wrong{
		consume: with(func(o *events.ConsumeOptions) { o.Group = "" }),
	}},
	{"has one group only", "every group gets every event", wrong{
		consume: with(func(o *events.ConsumeOptions) { o.Group = "one" }),
	}},
	{"ignores the offset", "an offset replays what was published since, then goes on without gap or double", wrong{
		consume: with(events.WithOffset(time.Time{})),
	}},
	{"always replays", "without an offset only new events arrive", wrong{
		consume: with(events.WithOffset(time.Unix(1, 0))),
	}},
	{"never redelivers", "an unacknowledged event comes again after AckWait", wrong{
		consume: with(func(o *events.ConsumeOptions) { o.AckWait = time.Hour }),
	}},
	{"retries without end", "a retry limit of n means n+1 deliveries", wrong{
		consume: func(s events.Stream, topic string, opts ...events.ConsumeOption) (<-chan events.Event, error) {
			return s.Consume(topic, append(slices.Clone(opts), func(o *events.ConsumeOptions) {
				if o.CustomRetries && o.RetryLimit > 0 {
					o.RetryLimit++
				}
			})...)
		},
	}},
	{"accepts an empty topic", "publishing or consuming without a topic is ErrMissingTopic", wrong{
		publish: func(s events.Stream, topic string, msg any, opts ...events.PublishOption) error {
			if topic == "" {
				return nil
			}
			return s.Publish(topic, msg, opts...)
		},
	}},
	{"drops what nobody waits for", "a slow consumer gets every event in order", wrong{
		consume: passing(func(ctx context.Context, to chan<- events.Event, e events.Event) {
			select {
			case to <- e:
			default:
			}
		}),
	}},
	{"replays everything", "an offset leaves out what was published before it", wrong{
		consume: with(func(o *events.ConsumeOptions) { o.Offset = time.Unix(1, 0) }),
	}},
	{"reads ahead", "AckWait begins when the event is handed over", wrong{
		consume: func(s events.Stream, topic string, opts ...events.ConsumeOption) (<-chan events.Event, error) {
			ch, err := s.Consume(topic, opts...)
			return pass(ch, make(chan events.Event, 100), opts, func(_ context.Context, to chan<- events.Event, e events.Event) { to <- e }), err
		},
	}},
	{"ignores the context", "a consumption ends with its context", wrong{
		consume: with(events.WithContext(context.Background())),
	}},
}

// passing makes a Consume that hands its events on in its own way.
func passing(hand func(ctx context.Context, to chan<- events.Event, e events.Event)) func(events.Stream, string, ...events.ConsumeOption) (<-chan events.Event, error) {
	return func(s events.Stream, topic string, opts ...events.ConsumeOption) (<-chan events.Event, error) {
		ch, err := s.Consume(topic, opts...)
		return pass(ch, make(chan events.Event), opts, hand), err
	}
}

// pass hands events on until the context of the consumption ends.
func pass(from <-chan events.Event, to chan events.Event, opts []events.ConsumeOption, hand func(context.Context, chan<- events.Event, events.Event)) <-chan events.Event {
	var o events.ConsumeOptions
	for _, set := range opts {
		set(&o)
	}
	go func() {
		for {
			select {
			case e := <-from:
				hand(o.Context, to, e)
			case <-o.Context.Done():
				return
			}
		}
	}()
	return to
}

func TestBrokenStreamsAreFound(t *testing.T) {
	for _, w := range wrongStreams {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := eventstest.Broken(t, harness(func(s events.Stream) events.Stream {
					wrapped := w.wrong
					wrapped.Stream = s
					return &wrapped
				}), w.rule)
				if broken[w.rule] == "" {
					t.Errorf("the rule %q was not found broken, but %v", w.rule, broken)
				}
			})
		})
	}
}

// wrongStore is an event store with one behaviour replaced.
type wrongStore struct {
	events.Store
	read  func(s events.Store, topic string, opts ...events.ReadOption) ([]*events.Event, error)
	write func(s events.Store, e *events.Event, opts ...events.WriteOption) error
}

func (w *wrongStore) Read(topic string, opts ...events.ReadOption) ([]*events.Event, error) {
	if w.read != nil {
		return w.read(w.Store, topic, opts...)
	}
	return w.Store.Read(topic, opts...)
}

func (w *wrongStore) Write(e *events.Event, opts ...events.WriteOption) error {
	if w.write != nil {
		return w.write(w.Store, e, opts...)
	}
	return w.Store.Write(e, opts...)
}

func TestBrokenStoresAreFound(t *testing.T) {
	for _, w := range []struct {
		name  string
		rule  string
		wrong wrongStore
	}{
		{"newest first", "events are ordered by timestamp, then by id", wrongStore{
			read: func(s events.Store, topic string, opts ...events.ReadOption) ([]*events.Event, error) {
				list, err := s.Read(topic, opts...)
				slices.Reverse(list)
				return list, err
			},
		}},
		{"ignores the offset", "limit and offset count within the topic", wrongStore{
			read: func(s events.Store, topic string, opts ...events.ReadOption) ([]*events.Event, error) {
				return s.Read(topic, append(opts, events.ReadOffset(0))...)
			},
		}},
		{"keeps both", "writing an event again replaces it", wrongStore{
			write: func(s events.Store, e *events.Event, opts ...events.WriteOption) error {
				again := *e
				again.ID += string(e.Payload)
				return s.Write(&again, opts...)
			},
		}},
		{"keeps for ever", "an event is gone after its TTL", wrongStore{
			write: func(s events.Store, e *events.Event, _ ...events.WriteOption) error { return s.Write(e) },
		}},
	} {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := eventstest.BrokenStore(t, eventstest.StoreHarness{
					New: func(testing.TB) events.Store {
						wrapped := w.wrong
						wrapped.Store = events.NewStore()
						return &wrapped
					},
					Patience: 200 * time.Millisecond,
				}, w.rule)
				if broken[w.rule] == "" {
					t.Errorf("the rule %q was not found broken, but %v", w.rule, broken)
				}
			})
		})
	}
}
