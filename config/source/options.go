package source

import (
	"context"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/config/encoder"
	"github.com/justcy/go-micro/v4/config/encoder/json"
	"github.com/justcy/go-micro/v4/internal/options"
)

// Options of a source.
type Options struct {
	// Encoder of sources that make a document out of something else, and of
	// those that do not know the format of theirs. Default: JSON.
	Encoder encoder.Encoder

	// Context holds the options of one kind of source. Default: the background
	// context.
	Context context.Context

	// Client for sources that call a service. Default: client.DefaultClient.
	Client client.Client

	// Separator parts the keys in the names of variables and flags. Default:
	// an underscore, and in names of flags a dash as well.
	Separator string
}

// Option changes Options.
type Option func(o *Options)

// NewOptions returns the defaults changed by opts.
func NewOptions(opts ...Option) Options {
	options := options.With(Options{
		Encoder: json.NewEncoder(),
		Context: context.Background(),
		Client:  client.DefaultClient,
	}, opts)
	return options
}

// WithEncoder sets the encoder.
func WithEncoder(e encoder.Encoder) Option {
	return func(o *Options) { o.Encoder = e }
}

// WithSeparator sets what parts the keys in the names of variables and flags, so
// that keys may have underscores or dashes in them: with the separator "__" the
// variable DATABASE__MAX_ITEMS is the value max_items of database, and with "."
// so is the flag --database.max_items. An empty one stands for the default.
func WithSeparator(separator string) Option {
	return func(o *Options) { o.Separator = separator }
}

// WithClient sets the client.
func WithClient(c client.Client) Option {
	return func(o *Options) { o.Client = c }
}
