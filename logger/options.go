package logger

import (
	"context"
	"io"
	"maps"
)

// Options are the settings of a Logger.
type Options struct {
	// Level is the least serious level that is shown.
	Level Level
	// Fields are shown with every record.
	Fields map[string]any
	// Out is where lines are written; os.Stderr by default. The logger calls
	// it from one goroutine at a time, with one whole line.
	Out io.Writer
	// CallerSkipCount tells which line of code a record names. With the default
	// of 2, or less, it is the one that called this package, be it a function, a
	// Helper or a Logger. A program that logs through a function of its own adds
	// one for it, so that the caller of that function is named.
	CallerSkipCount int
	// Context holds settings of other implementations; see SetOption.
	Context context.Context
}

// Option changes Options.
type Option func(*Options)

// WithFields sets the fields. The map is copied.
func WithFields(fields map[string]any) Option {
	fields = maps.Clone(fields)
	return func(o *Options) { o.Fields = maps.Clone(fields) }
}

// WithLevel sets the least serious level that is shown.
func WithLevel(level Level) Option {
	return func(o *Options) { o.Level = level }
}

// WithOutput sets where lines are written.
func WithOutput(out io.Writer) Option {
	return func(o *Options) { o.Out = out }
}

// WithCallerSkipCount sets which line of code a record names; see
// Options.CallerSkipCount.
func WithCallerSkipCount(c int) Option {
	return func(o *Options) { o.CallerSkipCount = c }
}

// SetOption stores a value under a key in Options.Context, for implementations
// with settings of their own.
func SetOption(k, v any) Option {
	return func(o *Options) {
		if o.Context == nil {
			o.Context = context.Background()
		}
		o.Context = context.WithValue(o.Context, k, v)
	}
}
