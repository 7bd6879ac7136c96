// Package git fetches git repositories with the git program.
package git

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	gitprogram "github.com/justcy/go-micro/v4/runtime/local/git"
	"github.com/justcy/go-micro/v4/runtime/local/source"
)

// Source fetches git repositories. It may be used concurrently, for different
// repositories.
type Source struct {
	Options source.Options
}

var _ source.Source = (*Source)(nil)

// NewSource returns a Source.
func NewSource(opts ...source.Option) *Source {
	return &Source{Options: source.NewOptions(opts...)}
}

// Fetch clones the repository at url, or brings its clone up to date. There being
// nothing new is no error.
func (s *Source) Fetch(url string) (*source.Repository, error) {
	folder, err := s.Options.Folder(url)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	repo := &source.Repository{Name: path.Base(url), Path: folder, URL: url}
	if _, err := os.Stat(filepath.Join(folder, ".git")); err == nil {
		return repo, s.pull(repo)
	}
	return repo, s.clone(repo)
}

func (s *Source) clone(r *source.Repository) error {
	parent := filepath.Dir(r.Path)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	half, err := os.MkdirTemp(parent, ".clone-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(half)
	address := r.URL
	if _, err := os.Stat(address); err != nil && !strings.Contains(address, ":") {
		address = "https://" + address // a host and a path
	}
	if err := s.git(half, "clone", "--depth=1", "--no-single-branch", "--", address, "."); err != nil {
		return fmt.Errorf("fetch %s: %w", r.URL, err)
	}
	if err := errors.Join(os.Chmod(half, 0o755), os.Rename(half, r.Path)); err != nil {
		return fmt.Errorf("fetch %s: %w", r.URL, err)
	}
	return nil
}

// pull goes on to what the branch that is checked out follows, and keeps local
// changes.
func (s *Source) pull(r *source.Repository) error {
	if err := s.git(r.Path, "fetch", "--all"); err != nil {
		return fmt.Errorf("fetch %s: %w", r.URL, err)
	}
	if err := s.git(r.Path, "merge", "--ff-only", "--quiet"); err != nil {
		return fmt.Errorf("fetch %s: its branch cannot be brought up to date: %w", r.URL, err)
	}
	return nil
}

// Commit pushes the commits of the repository.
func (s *Source) Commit(r *source.Repository) error {
	if r == nil || r.Path == "" {
		return errors.New("commit: the repository has no path")
	}
	if err := s.git(r.Path, "push"); err != nil {
		return fmt.Errorf("push %s: %w", r.Path, err)
	}
	return nil
}

func (s *Source) git(dir string, args ...string) error {
	ctx := source.NewOptions(source.Context(s.Options.Context)).Context
	_, err := gitprogram.Run(ctx, dir, args...)
	return err
}

// String returns "git".
func (s *Source) String() string { return "git" }
