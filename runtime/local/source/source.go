// Package source fetches the source code of services.
package source

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/justcy/go-micro/v4/internal/options"
)

// Source is a place that source code comes from.
type Source interface {
	// Fetch brings the code at url up to date below the folder of the options
	// and returns where it is.
	Fetch(url string) (*Repository, error)
	// Commit publishes changes of the code that was fetched. A source that
	// cannot does nothing.
	Commit(*Repository) error
	// String names the kind of source, for instance "git".
	String() string
}

// Repository is source code on this machine.
type Repository struct {
	// Name is the last element of the URL.
	Name string
	// Path is the folder that the code is in.
	Path string
	// URL is what was fetched.
	URL string
}

// Options of a Source.
type Options struct {
	// Path is the folder below which code is put, the one for temporary files
	// unless it is set.
	Path string
	// Context bounds every operation; nil for none.
	Context context.Context
}

// Option changes Options.
type Option func(o *Options)

// Path sets the folder below which code is put.
func Path(p string) Option {
	return func(o *Options) { o.Path = p }
}

// Context bounds every operation.
func Context(ctx context.Context) Option {
	return func(o *Options) { o.Context = ctx }
}

// NewOptions returns the defaults changed by opts.
func NewOptions(opts ...Option) Options {
	o := options.With(Options{Path: os.TempDir()}, opts)
	if o.Context == nil {
		o.Context = context.Background()
	}
	return o
}

// Folder returns where the options put the code at url: Path and the URL without
// its scheme. A URL that would lead out of Path, or that a program could take for
// an option, is an error.
func (o Options) Folder(url string) (string, error) {
	_, rest, found := strings.Cut(url, "://")
	if !found {
		rest = url
	}
	name := filepath.FromSlash(strings.Trim(rest, "/"))
	if rest == "" || strings.HasPrefix(url, "-") || strings.HasPrefix(rest, "-") || strings.ContainsRune(url, 0) || !filepath.IsLocal(name) || filepath.Clean(name) == "." {
		return "", fmt.Errorf("%q is not the URL of source code", url)
	}
	return filepath.Join(o.Path, name), nil
}
