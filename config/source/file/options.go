package file

import (
	"io/fs"

	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/options"
)

// What the options of this package put into their context.
type (
	filePath   string
	fileSystem struct{ fs.FS }
)

// WithPath sets the path of the file. Default: DefaultPath.
func WithPath(p string) source.Option {
	return func(o *source.Options) { o.Context = options.Put(o.Context, filePath(p)) }
}

// WithFS sets the file system that has the file. Default: that of the operating
// system, the only one that is watched.
func WithFS(fs fs.FS) source.Option {
	return func(o *source.Options) { o.Context = options.Put(o.Context, fileSystem{fs}) }
}
