package git_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/runtime/local/source"
	"github.com/justcy/go-micro/v4/runtime/local/source/git"
)

func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes a file and commits it.
func commit(t *testing.T, dir, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "main.txt"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, dir, "add", "-A")
	run(t, dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q", "-m", text)
}

func TestRepositoriesAreFetchedFollowedAndPushed(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	origin, work := t.TempDir(), t.TempDir()
	run(t, origin, "init", "-q", "--initial-branch", "main")
	commit(t, origin, "one")
	url := "file://" + origin
	s := git.NewSource(source.Path(work))
	check := func(want string) *source.Repository {
		t.Helper()
		r, err := s.Fetch(url)
		if err != nil {
			t.Fatal(err)
		}
		if r.Name != filepath.Base(origin) || r.URL != url || r.Path != filepath.Join(work, origin) {
			t.Errorf("got %+v", r)
		}
		if text, _ := os.ReadFile(filepath.Join(r.Path, "main.txt")); string(text) != want {
			t.Errorf("it says %q, want %q", text, want)
		}
		return r
	}
	check("one")
	check("one") // there is nothing new
	commit(t, origin, "two")
	r := check("two")

	commit(t, r.Path, "three")
	run(t, origin, "checkout", "-q", "-b", "other") // git does not push to what is checked out
	if err := s.Commit(r); err != nil {
		t.Fatal(err)
	}
	if got := run(t, origin, "log", "-1", "--format=%s", "main"); got != "three" {
		t.Errorf("the repository is at %q", got)
	}
	if s.String() != "git" {
		t.Error(s)
	}
}

func TestWhatCannotBeFetchedIsNamedAndLeavesNothing(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	work := t.TempDir()
	s := git.NewSource(source.Path(work))
	for _, bad := range []string{"file:///no/such/repository", "--upload-pack=x", "../x"} {
		if _, err := s.Fetch(bad); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: got %v", bad, err)
		}
	}
	_ = filepath.WalkDir(work, func(path string, d os.DirEntry, _ error) error {
		if !d.IsDir() || strings.HasPrefix(d.Name(), ".clone") {
			t.Errorf("left %s", path)
		}
		return nil
	})
	if err := s.Commit(nil); err == nil {
		t.Error("nothing was pushed")
	}
}
