package memory

import (
	"github.com/justcy/go-micro/v4/config/loader"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source"
)

// WithSource adds a source.
func WithSource(s source.Source) loader.Option {
	return func(o *loader.Options) { o.Source = append(o.Source, s) }
}

// WithReader sets the reader.
func WithReader(r reader.Reader) loader.Option {
	return func(o *loader.Options) {
		if r != nil {
			o.Reader = r
		}
	}
}

// WithWatcherDisabled keeps the loader from watching its sources, and others
// from watching it.
func WithWatcherDisabled() loader.Option {
	return func(o *loader.Options) { o.WithWatcherDisabled = true }
}
