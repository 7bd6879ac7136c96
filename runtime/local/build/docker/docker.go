// Package docker builds images with the docker program.
package docker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/justcy/go-micro/v4/runtime/local/build"
	"github.com/justcy/go-micro/v4/runtime/local/docker"
)

// Builder builds images. It may be used concurrently.
type Builder struct {
	Options build.Options
	// Client builds the images; nil is the docker program on PATH with the daemon
	// it is configured for.
	Client *docker.Client
}

// NewBuilder returns a *Builder. That docker or its daemon is missing is reported
// by Build.
func NewBuilder(opts ...build.Option) build.Builder {
	return &Builder{Options: build.NewOptions(opts...), Client: new(docker.Client)}
}

// Build builds the Dockerfile of the source with its whole folder as the context.
// Name and Path of the package are the name of the image: the folder's path, in
// the letters that an image may have.
func (b *Builder) Build(s *build.Source) (*build.Package, error) {
	folder, err := s.Folder()
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(filepath.Join(folder, "Dockerfile")); err != nil {
		return nil, fmt.Errorf("build the image of %s: %w", folder, err)
	} else if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("build the image of %s: its Dockerfile is not a file", folder)
	}
	name, err := imageName(filepath.Join(s.Repository.Path, s.Repository.Name))
	if err != nil {
		return nil, err
	}
	ctx, cancel := b.Options.Deadline()
	defer cancel()
	if err := b.Client.Build(ctx, name, folder); err != nil {
		return nil, fmt.Errorf("build the image of %s: %w", folder, err)
	}
	return &build.Package{Name: name, Path: name, Type: "docker", Source: s}, nil
}

// Clean removes the image.
func (b *Builder) Clean(p *build.Package) error {
	if p == nil || p.Name == "" {
		return errors.New("clean: the package has no name")
	}
	ctx, cancel := b.Options.Deadline()
	defer cancel()
	return b.Client.RemoveImage(ctx, p.Name)
}

var (
	notInNames = regexp.MustCompile(`[^a-z0-9]+`)
	separators = regexp.MustCompile(`^[^a-z0-9]+|[^a-z0-9]+$`)
)

// maxImageName is how many bytes the name of an image may have.
const maxImageName = 255

// imageName makes the path of a folder the name of an image: components of lower
// case letters, digits and single separators.
func imageName(path string) (string, error) {
	var parts []string
	for part := range strings.SplitSeq(filepath.ToSlash(path), "/") {
		part = separators.ReplaceAllString(strings.ToLower(part), "")
		part = notInNames.ReplaceAllStringFunc(part, func(s string) string {
			if s == "." || s == "_" {
				return s
			}
			return "-"
		})
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) > 1 { // docker takes a first one with a dot for the host of a registry
		parts[0] = strings.ReplaceAll(parts[0], ".", "-")
	}
	name := strings.Join(parts, "/")
	if name == "" || len(name) > maxImageName {
		return "", fmt.Errorf("the path %q makes no name of an image", path)
	}
	return name, nil
}
