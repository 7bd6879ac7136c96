// Package inspect answers what is asked about this process from outside: it reads
// the log and the spans for them, and has the messages in which all of it travels.
// Both the Debug handler of every server and that of debug/handler use it.
package inspect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/justcy/go-micro/v4/debug/log"
	"github.com/justcy/go-micro/v4/debug/trace"
	"github.com/justcy/go-micro/v4/internal/text"
)

// Answer is what MessageBus answers to every message.
const Answer = "Request received!"

// Query selects records of a log.
type Query struct {
	// Since excludes records that are not later, in Unix seconds. What is not
	// positive excludes none.
	Since int64
	// Count limits the number of stored records. What is not positive leaves
	// that to the log.
	Count int64
	// Follow asks for the records that are written from now on as well.
	Follow bool
}

// ErrNotFollowed is the error of following a log that has no streams.
var ErrNotFollowed = errors.New("follow the log: this log cannot be followed")

// Records passes the records that were asked for to send, one after the other,
// and with Follow those written from then on, until the context ends or send
// fails.
func Records(ctx context.Context, l log.Log, q Query, send func(*log.Record) error) error {
	if !q.Follow {
		_, err := sendStored(l, q, send)
		return err
	}
	// Following starts first, so that no record falls between the two.
	live, err := l.Stream()
	if err != nil {
		return err
	}
	if live == nil {
		return ErrNotFollowed
	}
	defer live.Stop()
	stored, err := sendStored(l, q, send)
	if err != nil {
		return err
	}
	return follow(ctx, live, stored, send)
}

// sendStored sends stored records and returns them.
func sendStored(l log.Log, q Query, send func(*log.Record) error) ([]log.Record, error) {
	records, err := l.Read(func(o *log.ReadOptions) {
		if q.Since > 0 {
			o.Since = time.Unix(q.Since, 0)
		}
		o.Count = int(min(max(q.Count, 0), math.MaxInt32))
	})
	for i := 0; i < len(records) && err == nil; i++ {
		err = send(readable(&records[i]))
	}
	return records, err
}

// follow sends records as they are written, except those that were stored when
// following began and are sent already.
func follow(ctx context.Context, live log.Stream, sent []log.Record, send func(*log.Record) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case r, ok := <-live.Chan():
			if !ok {
				return nil
			}
			if take(sent, &r) {
				continue
			}
			if err := send(readable(&r)); err != nil {
				return err
			}
		}
	}
}

// take reports whether r is one of records, and takes it out: each was written once.
func take(records []log.Record, r *log.Record) bool {
	for i := range records {
		if records[i].Timestamp.Equal(r.Timestamp) && Text(&records[i]) == Text(r) {
			records[i].Timestamp = time.Time{}
			return true
		}
	}
	return false
}

// readable returns a record whose text every encoding can carry. The metadata may be
// shared with others, and are not changed.
func readable(r *log.Record) *log.Record {
	return &log.Record{Timestamp: r.Timestamp, Metadata: text.Each(r.Metadata, text.Valid), Message: text.Valid(Text(r))}
}

// Spans returns the spans of a trace, or all if it is empty, with text that every
// encoding can carry.
func Spans(t trace.Tracer, id string) ([]*trace.Span, error) {
	spans, err := t.Read(trace.ReadTrace(id))
	for _, s := range spans {
		for _, field := range []*string{&s.Trace, &s.Id, &s.Parent, &s.Name} {
			*field = text.Valid(*field)
		}
		s.Metadata = text.Each(s.Metadata, text.Valid)
	}
	return spans, err
}

// Text is the message of a record.
func Text(r *log.Record) string {
	return fmt.Sprint(r.Message)
}
