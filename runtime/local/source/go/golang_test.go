package golang_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/runtime/local/source"
	golang "github.com/justcy/go-micro/v4/runtime/local/source/go"
)

// scripted is a source with a go program of its own.
func scripted(t *testing.T, script string) (source.Source, string) {
	t.Helper()
	dir := t.TempDir()
	s := golang.NewSource(source.Path(dir)).(*golang.Source)
	s.Cmd = filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(s.Cmd, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func TestTheGoProgramGetsTheURLAlone(t *testing.T) {
	s, dir := scripted(t, `echo "$@" > got; pwd -P >> got`)
	r, err := s.Fetch("https://example.com/a/b")
	if err != nil {
		t.Fatal(err)
	}
	want := filepath.Join(dir, "example.com/a/b")
	if *r != (source.Repository{Name: "b", Path: want, URL: "example.com/a/b"}) {
		t.Errorf("got %+v", r)
	}
	text, _ := os.ReadFile(filepath.Join(want, "got"))
	if string(text) != "get -d example.com/a/b\n"+want+"\n" {
		t.Errorf("go got %q", text)
	}
	if _, err := os.Stat(filepath.Join(want, "go.mod")); err != nil {
		t.Error(err)
	}
	if err := s.Commit(r); err != nil || s.String() != "golang" {
		t.Error(err, s)
	}
}

func TestWhatGoSaidIsInTheErrorAndNothingIsLeft(t *testing.T) {
	s, dir := scripted(t, `echo "no such module" >&2; exit 1`)
	if _, err := s.Fetch("example.com/a"); err == nil || !strings.Contains(err.Error(), "no such module") {
		t.Errorf("got %v", err)
	}
	folder := filepath.Join(dir, "example.com", "a")
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("left %s: %v", folder, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch("example.com/a"); err == nil {
		t.Error("fetched")
	}
	if _, err := os.Stat(folder); err != nil {
		t.Errorf("what was there before is gone: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.(*golang.Source).Options.Context = ended
	if _, err := s.Fetch("example.com/b"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, bad := range []string{"-modfile=x", "../x", ""} {
		if _, err := s.Fetch(bad); err == nil {
			t.Errorf("fetched %q", bad)
		}
	}
}
