package trace

const (
	// DefaultSize is the size in DefaultOptions.
	DefaultSize = 64
	// capacity is how many spans a tracer keeps that was given no size.
	capacity = 256
)

// Options configure a Tracer.
type Options struct {
	// Size is how many finished spans are kept; NewTracer keeps 256 when it is
	// not set.
	Size int
}

// Option changes Options.
type Option func(o *Options)

// DefaultOptions returns options with DefaultSize.
func DefaultOptions() Options {
	return Options{Size: DefaultSize}
}

// Size sets how many finished spans are kept.
func Size(n int) Option {
	return func(o *Options) { o.Size = n }
}

// ReadOptions select the spans Read returns.
type ReadOptions struct {
	// Trace is the id of the trace to return the spans of; empty for all.
	Trace string
}

// ReadOption changes ReadOptions.
type ReadOption func(o *ReadOptions)

// ReadTrace selects the spans of one trace.
func ReadTrace(t string) ReadOption {
	return func(o *ReadOptions) { o.Trace = t }
}
