package docker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/runtime/local/build"
	"github.com/justcy/go-micro/v4/runtime/local/build/docker"
	"github.com/justcy/go-micro/v4/runtime/local/source"
)

// scripted puts a docker program first on PATH. It returns a function that reads
// the arguments it got, one call a line.
func scripted(t *testing.T, script string) func() string {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	if err := os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\necho \"$@\" >> "+log+"\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	return func() string { text, _ := os.ReadFile(log); return string(text) }
}

// image makes a folder with a Dockerfile.
func image(t *testing.T, name string) *build.Source {
	t.Helper()
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name, "Dockerfile"), []byte("FROM scratch\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return &build.Source{Repository: &source.Repository{Name: name, Path: dir}}
}

func TestAnImageIsBuiltFromItsWholeFolderAndRemoved(t *testing.T) {
	calls := scripted(t, "")
	s := image(t, "Hello_World..v1-")
	b := docker.NewBuilder()
	p, err := b.Build(s)
	if err != nil {
		t.Fatal(err)
	}
	if p.Type != "docker" || p.Path != p.Name || p.Source != s || !strings.HasSuffix(p.Name, "/hello_world-v1") || strings.HasPrefix(p.Name, "/") {
		t.Errorf("got %+v", p)
	}
	if err := b.Clean(p); err != nil {
		t.Fatal(err)
	}
	want := "build --rm --force-rm --tag " + p.Name + " -- " + filepath.Join(s.Repository.Path, s.Repository.Name) + "\nimage rm -- " + p.Name + "\n"
	if got := calls(); got != want {
		t.Errorf("docker got\n%swant\n%s", got, want)
	}
}

func TestNamesOfImagesAreValid(t *testing.T) {
	calls := scripted(t, "")
	_ = calls
	for path, want := range map[string]string{
		"github.com/o/r": "github-com/o/r", "A B": "a-b", "x": "x", "__a..b__": "a-b", "a.b": "a.b",
	} {
		dir := t.TempDir()
		t.Chdir(dir)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(path, "Dockerfile"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := docker.NewBuilder().Build(&build.Source{Repository: &source.Repository{Path: path}})
		if err != nil || p.Name != want {
			t.Errorf("%s: got %+v, %v", path, p, err)
		}
	}
}

func TestWhatDockerSaidIsInTheError(t *testing.T) {
	scripted(t, "echo 'Cannot connect to the Docker daemon at unix:///x' >&2; exit 1")
	s := image(t, "hello")
	_, err := docker.NewBuilder().Build(s)
	if err == nil || !strings.Contains(err.Error(), "Cannot connect to the Docker daemon") || !strings.Contains(err.Error(), s.Repository.Path) {
		t.Errorf("got %v", err)
	}
	if err := docker.NewBuilder().Clean(&build.Package{Name: "hello"}); err == nil {
		t.Error("cleaned without a daemon")
	}
}

func TestAMissingDockerIsSaidByBuild(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := docker.NewBuilder().Build(image(t, "hello"))
	if err == nil || !strings.Contains(err.Error(), "install docker") {
		t.Errorf("got %v", err)
	}
}

func TestAnImageThatIsGoneIsClean(t *testing.T) {
	scripted(t, "echo 'Error response from daemon: No such image: hello' >&2; exit 1")
	if err := docker.NewBuilder().Clean(&build.Package{Name: "hello"}); err != nil {
		t.Error(err)
	}
	if err := docker.NewBuilder().Clean(&build.Package{}); err == nil {
		t.Error("a package without a name was cleaned")
	}
}

func TestAFolderWithoutADockerfileIsRefused(t *testing.T) {
	calls := scripted(t, "")
	_, err := docker.NewBuilder().Build(&build.Source{Repository: &source.Repository{Path: t.TempDir()}})
	if err == nil || !strings.Contains(err.Error(), "Dockerfile") || calls() != "" {
		t.Errorf("got %v", err)
	}
}

func TestTheDaemonCanBeNamed(t *testing.T) {
	calls := scripted(t, "")
	b := docker.NewBuilder().(*docker.Builder)
	b.Client.Host = "tcp://127.0.0.1:1"
	if err := b.Clean(&build.Package{Name: "hello"}); err != nil || calls() != "--host tcp://127.0.0.1:1 image rm -- hello\n" {
		t.Errorf("docker got %q, %v", calls(), err)
	}
}
