package file

import (
	"cmp"
	"context"
	"path/filepath"

	"github.com/justcy/go-micro/v4/store"
)

type dirKey struct{}

// DirOption sets the folder for the files of a store, DefaultDir by default. It
// is made when it is not there, for its owner alone.
func DirOption(dir string) store.Option {
	return func(o *store.Options) {
		ctx := o.Context
		if ctx == nil {
			ctx = context.Background()
		}
		o.Context = context.WithValue(ctx, dirKey{}, filepath.Clean(cmp.Or(dir, DefaultDir)))
	}
}

func dir(o store.Options) string {
	if o.Context != nil {
		if dir, ok := o.Context.Value(dirKey{}).(string); ok {
			return dir
		}
	}
	return filepath.Clean(DefaultDir)
}
