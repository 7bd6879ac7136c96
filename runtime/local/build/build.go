// Package build makes something that runs out of source code.
package build

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/runtime/local/source"
)

// DefaultTimeout is how long a build takes at most.
const DefaultTimeout = 30 * time.Minute

// Builder builds packages.
type Builder interface {
	// Build builds source code. The error has what the compiler said.
	Build(*Source) (*Package, error)
	// Clean removes what Build made. It is no error when that is gone already.
	Clean(*Package) error
}

// Source is source code to build.
type Source struct {
	// Language of the code; for information.
	Language string
	// Repository the code is in: the folder Name below Path.
	Repository *source.Repository
}

// Package is what was built.
type Package struct {
	// Name of the package.
	Name string
	// Path of the binary, or the name of the image.
	Path string
	// Type of the package: "go" or "docker".
	Type string
	// Source it was built from.
	Source *Source
}

// Options of a Builder.
type Options struct {
	// Path is the folder for what is built.
	Path string
	// Timeout is how long a build takes at most; DefaultTimeout unless it is set.
	Timeout time.Duration
	// Context bounds every operation; nil for none.
	Context context.Context
}

// Option changes Options.
type Option func(o *Options)

// Path sets the folder for what is built.
func Path(p string) Option {
	return func(o *Options) { o.Path = p }
}

// Timeout sets how long a build takes at most.
func Timeout(d time.Duration) Option {
	return func(o *Options) { o.Timeout = d }
}

// Context bounds every operation.
func Context(ctx context.Context) Option {
	return func(o *Options) { o.Context = ctx }
}

// NewOptions returns the defaults changed by opts: the folder for temporary files
// and DefaultTimeout.
func NewOptions(opts ...Option) Options {
	o := options.With(Options{Path: os.TempDir()}, opts)
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.Context == nil {
		o.Context = context.Background()
	}
	return o
}

// Deadline returns the context of one operation that begins now.
func (o Options) Deadline() (context.Context, context.CancelFunc) {
	if o.Context == nil || o.Timeout <= 0 { // the options were written as a literal
		o = NewOptions(Context(o.Context), Timeout(o.Timeout))
	}
	return context.WithTimeout(o.Context, o.Timeout)
}

// Folder returns the absolute path of the folder that the code is in. A
// repository whose name leads out of its path is an error.
func (s *Source) Folder() (string, error) {
	if s == nil || s.Repository == nil {
		return "", errors.New("build: there is no repository to build")
	}
	r := s.Repository
	if r.Name != "" && !filepath.IsLocal(r.Name) {
		return "", errors.New("build: the repository name " + r.Name + " leads out of its path")
	}
	return filepath.Abs(filepath.Join(r.Path, r.Name))
}
