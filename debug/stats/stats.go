// Package stats counts the requests of a process and takes snapshots of its
// health: uptime, memory, goroutines, garbage collection and open streams.
package stats

// DefaultStats are what servers count into and the debug handler reports.
var DefaultStats Stats = NewStats()

// Stats collect the numbers of a process. All methods may be called
// concurrently.
type Stats interface {
	// Read returns the records written, oldest first, and after them a snapshot
	// of now. The caller owns them.
	Read() ([]*Stat, error)
	// Write stores a record; only the last ones are kept.
	Write(*Stat) error
	// Record counts a request, and when the error is not nil also an error.
	Record(error) error
}

// StreamRecorder is optionally implemented by Stats; those of this package do.
type StreamRecorder interface {
	// StreamOpened counts a stream as open until StreamClosed is called for it.
	StreamOpened()
	// StreamClosed ends what StreamOpened began.
	StreamClosed()
}

// Stat is the state of a process at one moment.
type Stat struct {
	// Timestamp of the snapshot in Unix seconds.
	Timestamp int64
	// Started is when the process started counting, in Unix seconds.
	Started int64
	// Uptime in seconds.
	Uptime int64
	// Memory is the size of the allocated heap in bytes.
	Memory uint64
	// Threads is the number of goroutines.
	Threads uint64
	// GC is the total pause for garbage collection in nanoseconds.
	GC uint64
	// Requests counted so far.
	Requests uint64
	// Errors counted so far.
	Errors uint64
	// Streams that are open.
	Streams uint64
}
