package reader

import (
	"github.com/justcy/go-micro/v4/config/encoder"
	"github.com/justcy/go-micro/v4/config/encoder/json"
	"github.com/justcy/go-micro/v4/internal/options"
)

// Options of a reader.
type Options struct {
	// Encoding holds the known encoders by name. Default: json alone.
	Encoding map[string]encoder.Encoder
}

// Option changes Options.
type Option func(o *Options)

// NewOptions returns the defaults changed by opts.
func NewOptions(opts ...Option) Options {
	j := json.NewEncoder()
	options := options.With(Options{Encoding: map[string]encoder.Encoder{j.String(): j}}, opts)
	return options
}

// WithEncoder makes an encoder known under its name.
func WithEncoder(e encoder.Encoder) Option {
	return func(o *Options) {
		if o.Encoding == nil {
			o.Encoding = make(map[string]encoder.Encoder)
		}
		o.Encoding[e.String()] = e
	}
}
