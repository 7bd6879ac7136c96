package trace

import (
	"context"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/internal/text"
)

// maxText is how much of a name and of each value of the metadata a finished span
// keeps, in bytes: an error may be as long as a message.
const maxText = 4 << 10

// NewTracer returns a tracer that keeps the last finished spans in memory. Names and
// values longer than 4 KiB are cut.
func NewTracer(opts ...Option) Tracer {
	options := options.Of(opts)
	if options.Size <= 0 {
		options.Size = capacity
	}
	return &memory{size: options.Size}
}

type memory struct {
	size int

	mu    sync.Mutex
	spans []Span // a ring once it is full
	next  int    // where the next span goes in a full ring
}

func (t *memory) Start(ctx context.Context, name string) (context.Context, *Span) {
	traceID, parent, _ := FromContext(ctx)
	if traceID == "" {
		traceID = newID()
	}
	span := &Span{
		Trace:    traceID,
		Name:     name,
		Id:       newID(),
		Parent:   parent,
		Started:  time.Now(),
		Metadata: make(map[string]string),
	}
	return ToContext(ctx, span.Trace, span.Id), span
}

// newID returns a random UUID. Ids have to differ, not to be secret, and a call
// takes as long as it takes to make one.
func newID() string {
	var id uuid.UUID
	binary.LittleEndian.PutUint64(id[:8], rand.Uint64())
	binary.LittleEndian.PutUint64(id[8:], rand.Uint64())
	id[6] = id[6]&0x0f | 0x40 // version 4
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	return id.String()
}

func (t *memory) Finish(s *Span) error {
	if s == nil {
		return nil
	}
	s.Duration = time.Since(s.Started)
	kept := clone(s)
	kept.Name = text.Cut(kept.Name, maxText)
	kept.Metadata = text.Each(kept.Metadata, func(s string) string { return text.Cut(s, maxText) })

	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.spans) < t.size {
		t.spans = append(t.spans, kept)
		return nil
	}
	t.spans[t.next] = kept
	t.next = (t.next + 1) % t.size
	return nil
}

func (t *memory) Read(opts ...ReadOption) ([]*Span, error) {
	options := options.Of(opts)
	t.mu.Lock()
	defer t.mu.Unlock()
	spans := make([]*Span, 0, len(t.spans))
	for i := range t.spans {
		s := &t.spans[(t.next+i)%len(t.spans)]
		if options.Trace == "" || s.Trace == options.Trace {
			c := clone(s)
			if c.Metadata == nil {
				c.Metadata = make(map[string]string)
			}
			spans = append(spans, &c)
		}
	}
	return spans, nil
}

func clone(s *Span) Span {
	c := *s
	c.Metadata = nil // an empty map is not worth keeping
	if len(s.Metadata) > 0 {
		c.Metadata = maps.Clone(s.Metadata)
	}
	return c
}
