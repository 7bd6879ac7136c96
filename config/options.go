package config

import (
	"context"

	"github.com/justcy/go-micro/v4/config/loader"
	"github.com/justcy/go-micro/v4/config/reader"
	"github.com/justcy/go-micro/v4/config/source"
)

// Options of a configuration.
type Options struct {
	// Loader of the sources. Default: the one in loader/memory, with Reader. It
	// belongs to the configuration, which closes it.
	Loader loader.Loader

	// Reader of the documents. Default: the JSON reader.
	Reader reader.Reader

	// Source holds the sources that are loaded by NewConfig and Init.
	Source []source.Source

	// Context is for the options of others; nothing here reads it. Default: the
	// background context.
	Context context.Context

	// WithWatcherDisabled keeps changes of sources from taking effect before
	// Sync is called; Watch then fails.
	WithWatcherDisabled bool
}

// Option changes Options.
type Option func(o *Options)

// WithLoader sets the loader.
func WithLoader(l loader.Loader) Option {
	return func(o *Options) { o.Loader = l }
}

// WithSource adds a source.
func WithSource(s source.Source) Option {
	return func(o *Options) { o.Source = append(o.Source, s) }
}

// WithReader sets the reader.
func WithReader(r reader.Reader) Option {
	return func(o *Options) { o.Reader = r }
}

// WithWatcherDisabled keeps changes of sources from taking effect before Sync
// is called.
func WithWatcherDisabled() Option {
	return func(o *Options) { o.WithWatcherDisabled = true }
}
