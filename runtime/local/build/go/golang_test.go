package golang_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/runtime/local/build"
	golang "github.com/justcy/go-micro/v4/runtime/local/build/go"
	"github.com/justcy/go-micro/v4/runtime/local/source"
)

// program makes a folder "hello" with a program.
func program(t *testing.T, text string) *build.Source {
	t.Helper()
	dir := t.TempDir()
	folder := filepath.Join(dir, "hello")
	err := errors.Join(os.Mkdir(folder, 0o755),
		os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module hello\n"), 0o644),
		os.WriteFile(filepath.Join(folder, "main.go"), []byte("package main\n"+text), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return &build.Source{Language: "go", Repository: &source.Repository{Name: "hello", Path: dir}}
}

func TestAProgramIsBuiltAndCleaned(t *testing.T) {
	s, path := program(t, `func main() { println("hi") }`), t.TempDir()
	b := golang.NewBuild(build.Path(path))
	p, err := b.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	if want := (build.Package{Name: "hello", Path: filepath.Join(path, "hello"), Type: "go", Source: s}); *p != want {
		t.Errorf("got %+v", p)
	}
	if out, err := exec.Command(p.Path).CombinedOutput(); string(out) != "hi\n" {
		t.Errorf("it printed %q, %v", out, err)
	}
	for range 2 {
		if err := b.Clean(p); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(p.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

func TestABuildErrorHasWhatTheCompilerSaid(t *testing.T) {
	path := t.TempDir()
	_, err := golang.NewBuild(build.Path(path)).Build(program(t, `func main() { undefinedThing() }`))
	if err == nil || !strings.Contains(err.Error(), "undefined: undefinedThing") {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(path); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

// scripted is a builder with a go program of its own.
func scripted(t *testing.T, script string, opts ...build.Option) build.Builder {
	t.Helper()
	b := golang.NewBuild(opts...).(*golang.Builder)
	b.Cmd = filepath.Join(t.TempDir(), "go")
	if err := os.WriteFile(b.Cmd, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheGoProgramGetsBinaryAndFolder(t *testing.T) {
	s, path := program(t, ""), t.TempDir()
	_, err := scripted(t, `echo "$@" >&2; exit 1`, build.Path(path)).Build(s)
	want := "build -o " + filepath.Join(path, "hello") + " " + filepath.Join(s.Repository.Path, "hello")
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestABuildThatHangsIsEnded(t *testing.T) {
	_, err := scripted(t, "sleep 1000", build.Timeout(50*time.Millisecond)).Build(program(t, ""))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeBuiltIsNamed(t *testing.T) {
	path, taken := t.TempDir(), t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(path, "taken"), 0o755), os.Mkdir(filepath.Join(taken, "taken"), 0o755)); err != nil {
		t.Fatal(err)
	}
	b := golang.NewBuild(build.Path(path))
	for name, s := range map[string]*build.Source{
		"no repository": nil,
		"leads out":     {Repository: &source.Repository{Name: "../x", Path: "/p"}},
		"no name":       {Repository: &source.Repository{Path: "/p"}},
		"missing":       {Repository: &source.Repository{Name: "missing", Path: t.TempDir()}},
		"is a folder":   {Repository: &source.Repository{Name: "taken", Path: taken}},
	} {
		if _, err := b.Build(s); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := b.Clean(nil); err == nil {
		t.Error("nothing was cleaned")
	}
}

func TestTheGoProgramIsThatOfGOROOT(t *testing.T) {
	t.Setenv("GOROOT", "/a/b")
	if b := golang.NewBuild().(*golang.Builder); b.Cmd != filepath.FromSlash("/a/b/bin/go") || b.Path != os.TempDir() {
		t.Errorf("got %+v", b)
	}
	t.Setenv("GOROOT", "")
	t.Setenv("PATH", "")
	if b := golang.NewBuild().(*golang.Builder); b.Cmd != "go" {
		t.Errorf("got %+v", b)
	}
}
