// Package log keeps the newest log records of this process in memory, for a
// look at them from outside through the debug handler. The logger package
// writes to [DefaultLog].
package log

import (
	"encoding/json"
	"fmt"
	"time"
)

var (
	// DefaultSize is the number of records that a log keeps when the Size
	// option is not given.
	DefaultSize = 1024
	// DefaultLog is where the loggers of the logger package put what they show.
	DefaultLog = NewLog()
	// DefaultFormat is the format that a log has when the Format option is not
	// given.
	DefaultFormat = TextFormat
)

// timeLayout is the layout in which logs show time.
const timeLayout = "2006-01-02 15:04:05"

// Log stores log records. It is safe for concurrent use.
type Log interface {
	// Read returns stored records, oldest first. The caller owns them.
	Read(...ReadOption) ([]Record, error)
	// Write stores a record and passes it on to the streams. It never waits
	// for them. The metadata must not be changed afterwards.
	Write(Record) error
	// Stream returns the records that are written from now on. Their metadata
	// is shared and must not be changed.
	Stream() (Stream, error)
}

// Record is one log record.
type Record struct {
	// Timestamp is when it was logged.
	Timestamp time.Time `json:"timestamp"`
	// Metadata holds the fields of the logger.
	Metadata map[string]string `json:"metadata"`
	// Message is what was logged, usually a string.
	Message any `json:"message"`
}

// Stream delivers records as they are written. A reader that falls behind by
// more than the channel holds misses records.
type Stream interface {
	// Chan returns the channel of records. It is closed by Stop.
	Chan() <-chan Record
	// Stop ends the stream. It may be called more than once.
	Stop() error
}

// FormatFunc turns a record into a line.
type FormatFunc func(Record) string

// TextFormat formats a record as its time and message.
func TextFormat(r Record) string {
	return r.Timestamp.Format(timeLayout) + " " + fmt.Sprint(r.Message)
}

// JSONFormat formats a record as a JSON object with the fields timestamp,
// metadata and message. A message that has no JSON form is printed as text.
func JSONFormat(r Record) string {
	b, err := json.Marshal(r)
	if err == nil {
		return string(b)
	}
	r.Message = fmt.Sprint(r.Message)
	b, err = json.Marshal(r)
	if err != nil { // a time outside JSON's years
		r.Timestamp = time.Time{}
		b, _ = json.Marshal(r)
	}
	return string(b)
}
