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
	// CallerSkipCount is how many calls lie between the logger and the line of
	// code that a record names. The default of 2 fits the package functions
	// and the methods of Helper.
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

// WithCallerSkipCount sets how many calls to skip to find the caller.
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
