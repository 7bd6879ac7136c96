package eventstest_test

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justcy/go-micro/v4/events"
	"github.com/justcy/go-micro/v4/events/eventstest"
)

// backend is a memory stream that several streams stand on, as on a server.
type backend struct {
	events.Stream
	away atomic.Bool
}

// part is one stream on the backend.
type part struct {
	*backend
	ctx  context.Context
	stop context.CancelFunc

	ownGroups bool // makes a group of each stream
	forgets   bool // acknowledges what it was given when it is closed
	ends      bool // ends its consumptions when the backend is away
	held      chan events.Event
}

func (b *backend) part(edit func(*part)) *part {
	p := &part{backend: b, held: make(chan events.Event, 1000)}
	p.ctx, p.stop = context.WithCancel(context.Background())
	edit(p)
	return p
}

func (p *part) Publish(topic string, msg any, opts ...events.PublishOption) error {
	if p.away.Load() || p.ctx.Err() != nil {
		return errors.New("no connection")
	}
	return p.Stream.Publish(topic, msg, opts...)
}

func (p *part) Consume(topic string, opts ...events.ConsumeOption) (<-chan events.Event, error) {
	if p.ctx.Err() != nil {
		return nil, events.ErrClosed
	}
	if p.ownGroups {
		opts = append(opts, events.WithGroup(""))
	}
	var o events.ConsumeOptions
	for _, set := range opts {
		set(&o)
	}
	ctx, cancel := context.WithCancel(p.ctx)
	context.AfterFunc(o.Context, cancel)
	ch, err := p.Stream.Consume(topic, append(opts, events.WithContext(ctx))...)
	if !p.forgets && !p.ends {
		context.AfterFunc(ctx, cancel)
		return ch, err
	}
	return pass(ch, make(chan events.Event), []events.ConsumeOption{events.WithContext(ctx)}, func(ctx context.Context, to chan<- events.Event, e events.Event) {
		if p.ends && p.away.Load() {
			cancel()
			return
		}
		p.held <- e
		select {
		case to <- e:
		case <-ctx.Done():
		}
	}), err
}

func (p *part) Close() error {
	for p.forgets && len(p.held) > 0 {
		e := <-p.held
		_ = e.Ack()
	}
	p.stop()
	return nil
}

// shared is a harness of streams on one backend.
func shared(t *testing.T, edit func(*part)) eventstest.Harness {
	s, err := events.NewStream()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.(io.Closer).Close() })
	b := &backend{Stream: s}
	return eventstest.Harness{
		New: func(t testing.TB) events.Stream {
			p := b.part(edit)
			t.Cleanup(p.stop)
			return p
		},
		Outage: func(t testing.TB) (events.Stream, func(), func()) {
			s, err := events.NewStream()
			if err != nil {
				t.Fatal(err)
			}
			away := &backend{Stream: s}
			p := away.part(edit)
			t.Cleanup(func() { p.stop(); s.(io.Closer).Close() })
			begin := func() {
				away.away.Store(true)
				if p.ends {
					p.stop()
					p.ctx = context.Background()
				}
			}
			return p, begin, func() { away.away.Store(false) }
		},
		Quiet:           5 * time.Millisecond,
		Patience:        300 * time.Millisecond,
		NoDurableGroups: true,
	}
}

func sharing(edit func(*part)) func(*testing.T) eventstest.Harness {
	return func(t *testing.T) eventstest.Harness { return shared(t, edit) }
}

const (
	oneGroup     = "a group over several streams gets each event once"
	takenOver    = "what a closed stream had not acknowledged goes to the rest of the group"
	afterOutage  = "consumptions go on by themselves after the backend was away"
	noEvent      = "what is no event is passed over"
	reachOthers  = "streams on one backend reach each other"
	groupsReturn = "a group goes on where it was when a consumer comes back"
)

func TestGoodStreamsOnOneBackendKeepTheRules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := shared(t, func(*part) {})
		h.Patience = 0
		for rule, failure := range eventstest.Broken(t, h, oneGroup, takenOver, reachOthers, afterOutage, "what was not acknowledged comes again after the backend was away") {
			t.Errorf("%s: %s", rule, failure)
		}
	})
}

func TestBrokenStreamsOnOneBackendAreFound(t *testing.T) {
	for _, w := range []struct {
		name, rule string
		harness    func(t *testing.T) eventstest.Harness
	}{
		{"has groups of its own", oneGroup, sharing(func(p *part) { p.ownGroups = true })},
		{"acknowledges at Close", takenOver, sharing(func(p *part) { p.forgets = true })},
		{"ends in an outage", afterOutage, sharing(func(p *part) { p.ends = true })},
		{"reaches nobody", reachOthers, func(*testing.T) eventstest.Harness {
			h := harness(func(s events.Stream) events.Stream { return s })
			h.NoSharing = false
			return h
		}},
		{"forgets groups", groupsReturn, func(t *testing.T) eventstest.Harness {
			h := shared(t, func(*part) {})
			h.NoDurableGroups = false
			return h
		}},
		{"takes anything for an event", noEvent, func(t *testing.T) eventstest.Harness {
			h := shared(t, func(*part) {})
			p := h.New(t)
			h.Inject = func(t testing.TB, topic string, data []byte) {
				if err := p.Publish(topic, data); err != nil {
					t.Error(err)
				}
			}
			return h
		}},
	} {
		t.Run(w.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := eventstest.Broken(t, w.harness(t), w.rule)
				if broken[w.rule] == "" {
					t.Errorf("the rule %q was not found broken", w.rule)
				}
			})
		})
	}
}
