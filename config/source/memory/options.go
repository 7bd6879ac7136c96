package memory

import (
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/options"
)

// document is what the options of this package put into their context.
type document struct{ *source.ChangeSet }

// WithChangeSet sets what the source holds.
func WithChangeSet(cs *source.ChangeSet) source.Option {
	return func(o *source.Options) { o.Context = options.Put(o.Context, document{cs}) }
}

// WithJSON sets a JSON document.
func WithJSON(d []byte) source.Option {
	return WithChangeSet(&source.ChangeSet{Data: d, Format: "json"})
}

// WithYAML sets a YAML document. The reader needs the encoder of encoder/yaml.
func WithYAML(d []byte) source.Option {
	return WithChangeSet(&source.ChangeSet{Data: d, Format: "yaml"})
}
