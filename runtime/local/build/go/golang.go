// Package golang builds Go programs with the go program.
package golang

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/justcy/go-micro/v4/internal/child"
	"github.com/justcy/go-micro/v4/internal/gotool"
	"github.com/justcy/go-micro/v4/runtime/local/build"
)

// Builder builds Go programs. It may be used concurrently, for different
// packages.
type Builder struct {
	Options build.Options
	// Cmd is the go program.
	Cmd string
	// Path is the folder for the binaries.
	Path string
}

// NewBuild returns a *Builder.
func NewBuild(opts ...build.Option) build.Builder {
	o := build.NewOptions(opts...)
	return &Builder{Options: o, Cmd: gotool.Path(), Path: o.Path}
}

// Build builds the program in the folder of the source. A build that fails leaves
// what was built before.
func (b *Builder) Build(s *build.Source) (*build.Package, error) {
	folder, err := s.Folder()
	if err != nil {
		return nil, err
	}
	name := s.Repository.Name
	if name == "" || filepath.Clean(name) == "." {
		return nil, fmt.Errorf("build %s: the repository has no name", folder)
	}
	binary, err := filepath.Abs(filepath.Join(b.Path, name))
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(binary); err == nil && info.IsDir() {
		return nil, fmt.Errorf("build %s: %s, where the binary would be, is a folder; set build.Path", folder, binary)
	}
	if info, err := os.Stat(folder); err != nil {
		return nil, fmt.Errorf("build %s: %w", name, err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("build %s: %s is not a folder", name, folder)
	}
	ctx, cancel := b.Options.Deadline()
	defer cancel()
	// In the folder of the source, because the program has to be in its module.
	spec := child.Spec{Path: b.Cmd, Args: []string{"build", "-o", binary, folder}, Dir: folder}
	if _, err := child.Combined(ctx, spec); err != nil {
		return nil, fmt.Errorf("build %s: %w", folder, err)
	}
	return &build.Package{Name: name, Path: binary, Type: "go", Source: s}, nil
}

// Clean removes the binary.
func (b *Builder) Clean(p *build.Package) error {
	if p == nil || p.Path == "" {
		return errors.New("clean: the package has no path")
	}
	if err := os.Remove(p.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
