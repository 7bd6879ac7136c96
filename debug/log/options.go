package log

import "time"

// Options hold the settings of a Log.
type Options struct {
	// Name of the log. The built-in logs do not use it.
	Name string
	// Size is the number of records kept.
	Size int
	// Format turns records into lines for those who show them.
	Format FormatFunc
}

// Option changes Options.
type Option func(*Options)

// DefaultOptions returns the settings of a log without options: DefaultSize and
// DefaultFormat.
func DefaultOptions() Options {
	return Options{Size: DefaultSize, Format: DefaultFormat}
}

// Name sets the name of the log.
func Name(name string) Option {
	return func(o *Options) { o.Name = name }
}

// Size sets the number of records kept. A log of size zero or less keeps none
// and only feeds its streams.
func Size(n int) Option {
	return func(o *Options) { o.Size = n }
}

// Format sets the format of the log.
func Format(f FormatFunc) Option {
	return func(o *Options) { o.Format = f }
}

// ReadOptions select records.
type ReadOptions struct {
	// Since excludes records that are not later; the zero time none.
	Since time.Time
	// Count limits the number of records; zero means the log's own limit.
	Count int
	// Stream is for those who serve a Log to others: keep sending new records.
	// Read ignores it.
	Stream bool
}

// ReadOption changes ReadOptions.
type ReadOption func(*ReadOptions)

// Since selects records strictly later than t.
func Since(t time.Time) ReadOption {
	return func(o *ReadOptions) { o.Since = t }
}

// Count limits the number of records read.
func Count(n int) ReadOption {
	return func(o *ReadOptions) { o.Count = n }
}
