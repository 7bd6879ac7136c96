package memory

import (
	"context"

	"github.com/justcy/go-micro/v4/config/source"
)

type changeSetKey struct{}

// WithChangeSet sets what the source holds.
func WithChangeSet(cs *source.ChangeSet) source.Option {
	return func(o *source.Options) {
		if o.Context == nil {
			o.Context = context.Background()
		}
		o.Context = context.WithValue(o.Context, changeSetKey{}, cs)
	}
}

// WithJSON sets a JSON document.
func WithJSON(d []byte) source.Option {
	return WithChangeSet(&source.ChangeSet{Data: d, Format: "json"})
}

// WithYAML sets a YAML document. The reader needs the encoder of encoder/yaml.
func WithYAML(d []byte) source.Option {
	return WithChangeSet(&source.ChangeSet{Data: d, Format: "yaml"})
}
