// Package golang fetches Go modules with the go program.
package golang

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/internal/child"
	"github.com/justcy/go-micro/v4/internal/gotool"
	"github.com/justcy/go-micro/v4/runtime/local/source"
)

// fetchLimit bounds a Fetch whose context has no deadline.
const fetchLimit = 15 * time.Minute

// Source fetches Go modules. It may be used concurrently, for different URLs.
type Source struct {
	Options source.Options
	// Cmd is the go program.
	Cmd string
	// Path is the folder below which each module gets a folder.
	Path string
}

// NewSource returns a *Source.
func NewSource(opts ...source.Option) source.Source {
	o := source.NewOptions(opts...)
	return &Source{Options: o, Cmd: gotool.Path(), Path: o.Path}
}

// Fetch fetches the newest version of the module or package at url, which may have
// a scheme. The folder that is returned is a module which requires it, so that
// go build works there with the name of the package.
func (s *Source) Fetch(url string) (*source.Repository, error) {
	o := s.Options
	o.Path = s.Path
	folder, err := o.Folder(url)
	if err != nil {
		return nil, fmt.Errorf("fetch: %w", err)
	}
	if _, rest, found := strings.Cut(url, "://"); found {
		url = rest
	}
	_, err = os.Stat(folder)
	fresh := os.IsNotExist(err)
	if err := s.get(folder, url); err != nil {
		if fresh {
			err = errors.Join(err, os.RemoveAll(folder))
		}
		return nil, fmt.Errorf("fetch %s: %w", url, err)
	}
	return &source.Repository{Name: path.Base(url), Path: folder, URL: url}, nil
}

// get has the module in folder require what is at url.
func (s *Source) get(folder, url string) error {
	if err := asModule(folder); err != nil {
		return err
	}
	ctx := source.NewOptions(source.Context(s.Options.Context)).Context
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, fetchLimit)
		defer cancel()
	}
	_, err := child.Combined(ctx, child.Spec{Path: s.Cmd, Args: []string{"get", "-d", url}, Dir: folder})
	return err
}

// asModule makes folder a module, unless it is one.
func asModule(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(folder, "go.mod"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if os.IsExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString("module fetched\n")
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// Commit does nothing: modules are published by their authors.
func (s *Source) Commit(*source.Repository) error { return nil }

// String returns "golang".
func (s *Source) String() string { return "golang" }
