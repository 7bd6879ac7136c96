// Package memory is a log in memory that prints its messages when they are
// written and whose streams begin with the newest records.
package memory

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/debug/log"
	"github.com/justcy/go-micro/v4/debug/log/internal/feed"
	"github.com/justcy/go-micro/v4/internal/options"
)

// DefaultSize is the number of records kept when the Size option is not given.
var DefaultSize = 1024

// streamStart is how many stored records a new stream begins with.
const streamStart = 10

type memoryLog struct {
	records log.Log // stores, but has no streams
	// mu makes storing and sending a record one step, so that a new stream
	// neither misses nor repeats one.
	mu   sync.Mutex
	feed feed.Feed[log.Record]
}

// NewLog returns a log in memory. Read returns all records when it has no
// options, with Since all later ones, with Count the newest ones, and with both
// the first Count of the later ones. Streams begin with the newest 10 records
// and hold 128. Messages and values of the metadata longer than 16 KiB are cut.
func NewLog(opts ...log.Option) log.Log {
	defaults := log.DefaultOptions()
	defaults.Size = DefaultSize
	return &memoryLog{records: log.NewLog(log.Size(options.With(defaults, opts).Size))}
}

// Write stores the record with its message as text. A record without a time
// gets the present one.
func (l *memoryLog) Write(r log.Record) error {
	r.Message = fmt.Sprint(r.Message)
	if r.Timestamp.IsZero() {
		r.Timestamp = time.Now()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.feed.Send(r)
	return l.records.Write(r)
}

func (l *memoryLog) Read(opts ...log.ReadOption) ([]log.Record, error) {
	options := options.Of(opts)
	if options.Since.IsZero() && options.Count <= 0 {
		return l.records.Read(log.Count(math.MaxInt))
	}
	return l.records.Read(opts...)
}

func (l *memoryLog) Stream() (log.Stream, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	newest, err := l.records.Read(log.Count(streamStart))
	if err != nil {
		return nil, err
	}
	return l.feed.Listen(newest...), nil
}
