package git_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/runtime/local/git"
)

// origin is a repository that others clone.
type origin struct {
	t   *testing.T
	dir string
}

// newOrigin makes a repository with one commit, in which main.txt says "one".
func newOrigin(t *testing.T, branch string) *origin {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(t.TempDir(), "config"))
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+who+"_NAME", "somebody")
		t.Setenv("GIT_"+who+"_EMAIL", "somebody@example.com")
	}
	o := &origin{t: t, dir: t.TempDir()}
	o.git("init", "-q", "--initial-branch", branch)
	o.commit("one")
	return o
}

func (o *origin) url() string { return "file://" + o.dir }

func (o *origin) git(args ...string) string {
	o.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = o.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		o.t.Fatalf("git %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit commits what main.txt is to say, and returns the hash.
func (o *origin) commit(text string) string {
	o.t.Helper()
	o.write("main.txt", text)
	o.git("add", "-A")
	o.git("commit", "-q", "-m", text)
	return o.git("rev-parse", "HEAD")
}

func (o *origin) write(name, text string) {
	o.t.Helper()
	path := filepath.Join(o.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		o.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		o.t.Fatal(err)
	}
}

func content(t *testing.T, g git.Gitter, repo string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(g.RepoDir(repo), "main.txt"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestLatestIsMasterAndElseTheDefaultBranch(t *testing.T) {
	for _, branch := range []string{"master", "main", "trunk/of-it"} {
		o := newOrigin(t, branch)
		g := git.NewGitter(t.TempDir())
		if err := g.Clone(o.url()); err != nil {
			t.Fatal(err)
		}
		if err := g.Checkout(o.url(), "latest"); err != nil {
			t.Fatal(err)
		}
		if got := content(t, g, o.url()); got != "one" {
			t.Errorf("%s: got %q", branch, got)
		}
	}
}

func TestACloneFollowsItsRepository(t *testing.T) {
	o := newOrigin(t, "main")
	first := o.git("rev-parse", "HEAD")
	o.git("tag", "v1")
	g := git.NewGitter(t.TempDir())
	check := func(ref, want string) {
		t.Helper()
		if err := g.Checkout(o.url(), ref); err != nil {
			t.Error(err)
		} else if got := content(t, g, o.url()); got != want {
			t.Errorf("%s says %q, want %q", ref, got, want)
		}
	}
	for range 2 { // the second finds it there
		if err := g.Clone(o.url()); err != nil {
			t.Fatal(err)
		}
	}
	check("v1", "one")
	middle := o.commit("two")
	o.commit("three")
	o.git("branch", "feature/x", first)
	o.git("tag", "--force", "v1")
	if err := g.FetchAll(o.url()); err != nil {
		t.Fatal(err)
	}
	check("latest", "three")
	check("feature/x", "one")
	check("v1", "three")
	check(middle, "two")
	check(first[:10], "one")
	check("main", "three")
}

func TestAShallowCloneHasNoHistory(t *testing.T) {
	o := newOrigin(t, "main")
	o.commit("two")
	g := git.NewGitter(t.TempDir())
	if err := g.Clone(o.url()); err != nil {
		t.Fatal(err)
	}
	out, err := git.Run(t.Context(), g.RepoDir(o.url()), "rev-list", "--all", "--count")
	if err != nil || strings.TrimSpace(out) != "1" {
		t.Errorf("the clone has %q commits, %v", out, err)
	}
}

func TestNoRefAndNoAddressIsTakenForAnOption(t *testing.T) {
	o := newOrigin(t, "main")
	folder := t.TempDir()
	g := git.NewGitter(folder)
	if err := g.Clone(o.url()); err != nil {
		t.Fatal(err)
	}
	canary := filepath.Join(folder, "canary")
	for _, bad := range []string{"--upload-pack=touch " + canary, "-u", "", "a\x00b", "--output=" + canary} {
		if err := g.Clone(bad); err == nil {
			t.Errorf("cloned %q", bad)
		}
		if err := g.FetchAll(bad); err == nil {
			t.Errorf("fetched %q", bad)
		}
		if err := g.Checkout(o.url(), bad); err == nil {
			t.Errorf("checked out %q", bad)
		}
		if err := git.CheckoutSource(folder, &git.Source{Repo: bad, Ref: "latest"}); err == nil {
			t.Errorf("checked out the source of %q", bad)
		}
	}
	for _, bad := range []string{"..", "ext::sh -c touch% " + canary} {
		if err := g.Clone(bad); err == nil {
			t.Errorf("cloned %q", bad)
		}
	}
	if _, err := os.Stat(canary); err == nil {
		t.Error("a command was run")
	}
}

func TestACloneThatFailsLeavesNothing(t *testing.T) {
	o := newOrigin(t, "main")
	folder := t.TempDir()
	g := git.NewGitter(folder)
	err := g.Clone("file:///no/such/repository")
	if err == nil || !strings.Contains(err.Error(), "/no/such/repository") || !strings.Contains(err.Error(), "does not") {
		t.Errorf("got %v", err)
	}
	if err := g.Checkout(o.url(), "main"); err == nil {
		t.Error("checked out what was not cloned")
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	if err := os.MkdirAll(filepath.Join(g.RepoDir(o.url()), "something"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := g.Clone(o.url()); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Errorf("cloned over something else: %v", err)
	}
}

func TestACloneIsNotTakenForThatOfAnotherRepository(t *testing.T) {
	o := newOrigin(t, "main")
	folder := t.TempDir()
	g := git.NewGitter(folder)
	config := "[url \"" + o.url() + "\"]\n\tinsteadOf = https://github.com/a/b-c\n\tinsteadOf = https://github.com/a-b/c\n"
	if err := os.WriteFile(os.Getenv("GIT_CONFIG_GLOBAL"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := g.Clone("https://github.com/a/b-c"); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range []error{
		g.Clone("https://github.com/a-b/c"),
		git.CheckoutSource(folder, &git.Source{Repo: "github.com/a-b/c", Ref: "latest"}),
	} {
		if err == nil || !strings.Contains(err.Error(), "it is a clone of https://github.com/a/b-c") {
			t.Errorf("got %v", err)
		}
	}
}

func TestARefThatIsNotThereIsNamed(t *testing.T) {
	o := newOrigin(t, "main")
	g := git.NewGitter(t.TempDir())
	if err := g.Clone(o.url()); err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"nowhere", "0123456789", "main..v1", "main:main.txt", strings.Repeat("a", 40)} {
		if err := g.Checkout(o.url(), ref); err == nil || !strings.Contains(err.Error(), ref) {
			t.Errorf("check out %s: got %v", ref, err)
		}
	}
}

func TestAMissingGitIsSaid(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	err := git.NewGitter(t.TempDir()).Clone("https://example.com/a")
	if !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "install git") {
		t.Errorf("got %v", err)
	}
}

// scripted puts a git program first on PATH.
func scripted(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func TestAGitThatHangsEndsWithItsContext(t *testing.T) {
	started := filepath.Join(t.TempDir(), "started")
	scripted(t, "echo > "+started+"; sleep 1000\n")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for {
			if _, err := os.Stat(started); err == nil {
				cancel()
				return
			}
		}
	}()
	folder := t.TempDir()
	err := git.CheckoutSourceContext(ctx, folder, &git.Source{Repo: "example.com/a/b", Ref: "latest"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(folder); len(left) > 0 {
		t.Errorf("left %v", left)
	}
}

func TestGitIsAskedForShallowClonesWithoutAPrompt(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	scripted(t, `echo "$GIT_TERMINAL_PROMPT $SSH_ASKPASS_REQUIRE $SSH_ASKPASS $GIT_DIR$*" >> `+log+"\nexit 3\n")
	t.Setenv("GIT_DIR", "/somewhere/else")
	err := git.NewGitter(t.TempDir()).Clone("https://example.com/a")
	if err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("got %v", err)
	}
	text, _ := os.ReadFile(log)
	if got := string(text); !strings.HasPrefix(got, "0 force false clone --depth=1 ") || !strings.HasSuffix(got, " -- https://example.com/a .\n") {
		t.Errorf("git got %q", got)
	}
}
