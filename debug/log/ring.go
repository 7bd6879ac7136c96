package log

import (
	"maps"
	"time"

	"github.com/justcy/go-micro/v4/debug/log/internal/feed"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/internal/text"
	"github.com/justcy/go-micro/v4/util/ring"
)

// defaultCount is the number of records that Read returns when it is not told
// what to read.
const defaultCount = 100

// maxText is how much of a message and of each value of the metadata a log keeps, in
// bytes.
const maxText = 16 << 10

// ringLog keeps its records in a ring.
type ringLog struct {
	records *ring.Buffer
	feed    feed.Feed[Record]
}

// NewLog returns a log in memory. Its Read returns the newest 100 records when
// it has no options, with Since all later records, with Count the newest ones,
// and with both the first Count of the later ones. Its streams hold 128 records.
// Messages and values of the metadata longer than 16 KiB are cut.
func NewLog(opts ...Option) Log {
	options := options.With(DefaultOptions(), opts)
	return &ringLog{records: ring.New(options.Size)}
}

func (l *ringLog) Write(r Record) error {
	if r.Timestamp.IsZero() {
		r.Timestamp = time.Now()
	}
	r = bounded(r)
	l.records.Put(r)
	l.feed.Send(r)
	return nil
}

// bounded returns the record with its text cut. The metadata of its writer stay as
// they are.
func bounded(r Record) Record {
	if message, ok := r.Message.(string); ok {
		if short := text.Cut(message, maxText); len(short) != len(message) {
			r.Message = short
		}
	}
	r.Metadata = text.Each(r.Metadata, func(s string) string { return text.Cut(s, maxText) })
	return r
}

func (l *ringLog) Read(opts ...ReadOption) ([]Record, error) {
	options := options.Of(opts)
	if options.Since.IsZero() {
		return l.newest(options.Count), nil
	}
	return l.later(options.Since, options.Count), nil
}

// newest returns the last n records, oldest first.
func (l *ringLog) newest(n int) []Record {
	if n <= 0 {
		n = defaultCount
	}
	entries := l.records.Get(n)
	records := make([]Record, len(entries))
	for i, e := range entries {
		records[i] = copyOf(e)
	}
	return records
}

// copyOf returns a copy of the record in an entry for the caller to keep.
func copyOf(e *ring.Entry) Record {
	r := e.Value.(Record)
	r.Metadata = maps.Clone(r.Metadata)
	return r
}

// later returns the first n records after t, oldest first, or all of them when
// n is not positive. Records carry their writers' times, so they need not be in
// order.
func (l *ringLog) later(t time.Time, n int) []Record {
	var records []Record
	for _, e := range l.records.Get(-1) {
		if e.Value.(Record).Timestamp.After(t) {
			records = append(records, copyOf(e))
		}
		if len(records) == n && n > 0 {
			break
		}
	}
	return records
}

func (l *ringLog) Stream() (Stream, error) {
	return l.feed.Listen(), nil
}
