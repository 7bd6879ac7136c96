package file

import (
	"context"
	"io/fs"

	"github.com/justcy/go-micro/v4/config/source"
)

type (
	filePathKey struct{}
	fsKey       struct{}
)

// WithPath sets the path of the file. Default: DefaultPath.
func WithPath(p string) source.Option { return value(filePathKey{}, p) }

// WithFS sets the file system that has the file. Default: that of the operating
// system, the only one that is watched.
func WithFS(fs fs.FS) source.Option { return value(fsKey{}, fs) }

func value(key, v any) source.Option {
	return func(o *source.Options) {
		if o.Context == nil {
			o.Context = context.Background()
		}
		o.Context = context.WithValue(o.Context, key, v)
	}
}
