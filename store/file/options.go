package file

import (
	"cmp"
	"path/filepath"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/store"
)

type folder string

// DirOption sets the folder for the files of a store, DefaultDir by default. It
// is made when it is not there, for its owner alone.
func DirOption(dir string) store.Option {
	return func(o *store.Options) {
		o.Context = options.Put(o.Context, folder(filepath.Clean(cmp.Or(dir, DefaultDir))))
	}
}

func dir(o store.Options) string {
	if dir, ok := options.Value[folder](o.Context); ok {
		return string(dir)
	}
	return filepath.Clean(DefaultDir)
}
