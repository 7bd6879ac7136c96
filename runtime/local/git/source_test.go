package git_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/runtime/local/git"
)

func TestSourcesAreParsed(t *testing.T) {
	for _, c := range []struct {
		in            string
		want          git.Source
		name, runtime string
	}{
		{"helloworld", git.Source{Repo: "github.com/micro/services", Folder: "helloworld", Ref: "latest"}, "helloworld", "helloworld"},
		{"a/b@v1", git.Source{Repo: "github.com/micro/services", Folder: "a/b", Ref: "v1"}, "a/b", "a/b"},
		{"github.com/o/r/a/b@feature/x", git.Source{Repo: "github.com/o/r", Folder: "a/b", Ref: "feature/x"}, "o/r/a/b", "github.com/o/r/a/b"},
		{"https://github.com/o/r", git.Source{Repo: "github.com/o/r", Ref: "latest"}, "o/r/", "github.com/o/r/"},
	} {
		got, err := git.ParseSource(c.in)
		if err != nil || *got != c.want {
			t.Errorf("%s: got %+v, %v", c.in, got, err)
			continue
		}
		if got.RuntimeName() != c.name || got.RuntimeSource() != c.runtime {
			t.Errorf("%s: is called %q and has the source %q", c.in, got.RuntimeName(), got.RuntimeSource())
		}
	}
}

func TestWhatNamesNoRepositoryIsRefused(t *testing.T) {
	for _, bad := range []string{
		"github.com", "github.com/o", "github.com//r", "github.com/o/r/../../x", "github.com/o/r@--upload-pack=x",
		"github.com/../..", "../../etc", "-x/github.com/o",
	} {
		if s, err := git.ParseSource(bad); err == nil {
			t.Errorf("%s is taken for %+v", bad, s)
		}
	}
}

func TestAFolderThatIsThereIsTheSource(t *testing.T) {
	dir := t.TempDir()
	service := filepath.Join(dir, "repo", "services", "a")
	if err := errors.Join(os.MkdirAll(service, 0o755), os.MkdirAll(filepath.Join(dir, "repo", ".git"), 0o755), os.MkdirAll(filepath.Join(dir, "b"), 0o755)); err != nil {
		t.Fatal(err)
	}
	repo := filepath.Join(dir, "repo")
	for in, want := range map[string]git.Source{
		service: {Local: true, Folder: "services/a", FullPath: service, LocalRepoRoot: repo, Ref: "latest"},
		"b":     {Local: true, Folder: "b", FullPath: filepath.Join(dir, "b"), Ref: "latest"},
		"repo":  {Local: true, Folder: "repo", FullPath: repo, LocalRepoRoot: repo, Ref: "latest"},
		"c":     {Repo: "github.com/micro/services", Folder: "c", Ref: "latest"},
	} {
		got, err := git.ParseSourceLocal(dir, in)
		if err != nil || *got != want {
			t.Errorf("%s: got %+v, %v\nwant %+v", in, got, err, want)
		}
		if want.Local && got.RuntimeSource() != want.FullPath {
			t.Errorf("%s: a runtime gets %q", in, got.RuntimeSource())
		}
	}
	got, err := git.ParseSourceLocal("/w", "x", func(path string) (bool, error) { return path == "/w/x", nil })
	if err != nil || !got.Local || got.FullPath != "/w/x" {
		t.Errorf("got %+v, %v", got, err)
	}
	failed := errors.New("failed")
	if _, err := git.ParseSourceLocal("/w", "x", func(string) (bool, error) { return false, failed }); err != failed {
		t.Errorf("got %v", err)
	}
}

func TestTheRootOfARepositoryIsTheFolderWithItsGit(t *testing.T) {
	dir := t.TempDir()
	inner := filepath.Join(dir, "a", "b")
	if err := errors.Join(os.MkdirAll(inner, 0o755), os.MkdirAll(filepath.Join(dir, "a", ".git"), 0o755)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{inner: filepath.Join(dir, "a"), filepath.Join(dir, "a"): filepath.Join(dir, "a"), dir: "", filepath.Join(inner, "no", "such"): filepath.Join(dir, "a")} {
		if got, err := git.GetRepoRoot(path); got != want || err != nil {
			t.Errorf("%s: got %q, %v", path, got, err)
		}
	}
}

func TestSourcesAreCheckedOut(t *testing.T) {
	o := newOrigin(t, "main")
	o.write("services/a/code.txt", "a")
	o.write("elsewhere", "x")
	if err := os.Symlink("/", filepath.Join(o.dir, "link")); err != nil {
		t.Fatal(err)
	}
	o.commit("two")
	config := `[url "` + o.url() + `"]` + "\n\tinsteadOf = https://github.com/o/r\n"
	if err := os.WriteFile(os.Getenv("GIT_CONFIG_GLOBAL"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	s := &git.Source{Repo: "github.com/o/r", Folder: "services/a", Ref: "latest"}
	if err := git.CheckoutSource(folder, s); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(folder, "github.com-o-r", "services", "a"); s.FullPath != want {
		t.Errorf("it is at %s, want %s", s.FullPath, want)
	}
	if text, err := os.ReadFile(filepath.Join(s.FullPath, "code.txt")); string(text) != "a" {
		t.Error(string(text), err)
	}

	o.write("services/a/code.txt", "b")
	o.commit("three")
	if err := git.CheckoutSource(folder, s); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(filepath.Join(s.FullPath, "code.txt")); string(text) != "a" {
		t.Error("a source that is there was changed")
	}
	again := &git.Source{Repo: s.Repo, Folder: s.Folder, Ref: s.Ref}
	if err := git.CheckoutSource(folder, again); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(filepath.Join(again.FullPath, "code.txt")); string(text) != "b" {
		t.Error("new commits were not seen")
	}
	for _, bad := range []string{"no/such", "link/etc", "../x", "/etc"} {
		s := &git.Source{Repo: "github.com/o/r", Folder: bad, Ref: "latest"}
		if err := git.CheckoutSource(folder, s); err == nil || !strings.Contains(err.Error(), bad) || s.FullPath != "" {
			t.Errorf("%s: got %v at %q", bad, err, s.FullPath)
		}
	}
}
