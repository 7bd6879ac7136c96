// Package git brings the source code of services from git repositories, with the
// git program.
//
// Clones are shallow: they have the newest commit of each branch and tag, and what
// else is asked for by its hash.
package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/internal/child"
)

// Gitter keeps clones of repositories below a folder. The methods may be called
// concurrently for different repositories. Errors have what git said.
type Gitter interface {
	// Clone clones a repository, unless there is a clone of it.
	Clone(repo string) error
	// FetchAll fetches what is new in a repository that was cloned.
	FetchAll(repo string) error
	// Checkout makes ref, a branch, a tag or a commit, the content of the clone.
	// "latest" is the branch master, or where there is none the default branch
	// of the repository. Changes made in the clone are lost.
	Checkout(repo, ref string) error
	// RepoDir returns where the clone of a repository is.
	RepoDir(repo string) string
}

// operationLimit bounds a run of git whose context has no deadline.
const operationLimit = 15 * time.Minute

// NewGitter returns a Gitter that keeps clones below folder.
func NewGitter(folder string) Gitter { return &binaryGitter{folder: folder} }

// binaryGitter runs the git program.
type binaryGitter struct {
	folder string
	ctx    context.Context // bounds all operations; nil for none
}

func (g *binaryGitter) RepoDir(repo string) string {
	name := strings.TrimPrefix(repo, "https://")
	return filepath.Join(g.folder, strings.ReplaceAll(name, "/", "-"))
}

// dir is RepoDir for repositories that can have one.
func (g *binaryGitter) dir(repo string) (string, error) {
	name := strings.ReplaceAll(strings.TrimPrefix(repo, "https://"), "/", "-")
	if strings.HasPrefix(repo, "-") || strings.ContainsAny(repo, "\x00\n") || name == "" || !filepath.IsLocal(name) || filepath.Base(name) != name {
		return "", fmt.Errorf("%q is not the address of a git repository", repo)
	}
	return filepath.Join(g.folder, name), nil
}

func (g *binaryGitter) Clone(repo string) error {
	dir, err := g.dir(repo)
	if err != nil {
		return err
	}
	if cloned, err := g.cloned(repo, dir); cloned || err != nil {
		return err
	}
	if err := os.MkdirAll(g.folder, 0o755); err != nil {
		return err
	}
	// A clone that fails must not be taken for one that is there.
	half, err := os.MkdirTemp(g.folder, ".clone-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(half)
	if _, err := g.git(half, "clone", "--depth=1", "--no-single-branch", "--no-checkout", "--", repo, "."); err != nil {
		return fmt.Errorf("clone %s: %w", repo, err)
	}
	if err := os.Chmod(half, 0o755); err != nil {
		return err
	}
	if err := os.Rename(half, dir); err != nil {
		if cloned, _ := g.cloned(repo, dir); cloned { // somebody else was faster
			return nil
		}
		return fmt.Errorf("clone %s: %w", repo, err)
	}
	return nil
}

// cloned reports whether there is a clone of a repository at dir. Anything else that is
// there is an error: a clone, too, of a repository that has the same folder, since
// slashes and dashes are one.
func (g *binaryGitter) cloned(repo, dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := os.Stat(filepath.Join(dir, ".git")); err != nil {
		return false, fmt.Errorf("%s is in the way: it is not the clone of a repository", dir)
	}
	origin, err := g.git(dir, "config", "--get", "remote.origin.url")
	if err != nil {
		return false, fmt.Errorf("%s is in the way: whose clone it is cannot be told: %w", dir, err)
	}
	if origin = strings.TrimSpace(origin); origin != repo {
		return false, fmt.Errorf("%s is in the way: it is a clone of %s", dir, origin)
	}
	return true, nil
}

func (g *binaryGitter) FetchAll(repo string) error {
	dir, err := g.dir(repo)
	if err != nil {
		return err
	}
	// Tags may have moved. The second command follows a default branch that was
	// changed; without one there is nothing to follow.
	if _, err := g.git(dir, "fetch", "--all", "--tags", "--force", "--prune", "--depth=1"); err != nil {
		return fmt.Errorf("fetch %s: %w", repo, err)
	}
	_, _ = g.git(dir, "remote", "set-head", "origin", "--auto")
	return nil
}

func (g *binaryGitter) Checkout(repo, ref string) error {
	dir, err := g.dir(repo)
	if err != nil {
		return err
	}
	commit, err := g.resolve(dir, ref)
	if err != nil {
		return fmt.Errorf("check out %s of %s: %w", ref, repo, err)
	}
	if _, err := g.git(dir, "checkout", "--force", "--detach", commit); err != nil {
		return fmt.Errorf("check out %s of %s: %w", ref, repo, err)
	}
	return nil
}

// resolve returns the hash of the commit that ref means in the clone at dir.
func (g *binaryGitter) resolve(dir, ref string) (string, error) {
	if ref == "" || strings.HasPrefix(ref, "-") || strings.ContainsAny(ref, "\x00\n") {
		return "", fmt.Errorf("%q is not the name of a branch, a tag or a commit", ref)
	}
	names := []string{"refs/remotes/origin/" + ref, "refs/tags/" + ref, ref}
	if ref == "latest" {
		names = append([]string{"refs/remotes/origin/master", "refs/remotes/origin/HEAD"}, names...)
	}
	commit, err := g.first(dir, names)
	if err == nil || !isHash(ref) {
		return commit, err
	}
	// A commit that is no tip is not in a shallow clone. Servers hand out whole
	// hashes; for what they do not, the whole history is fetched.
	if _, err := g.git(dir, "fetch", "--depth=1", "origin", ref); err != nil {
		if _, err := g.git(dir, "fetch", "--unshallow", "--tags", "origin"); err != nil {
			return "", err
		}
	}
	return g.first(dir, []string{ref})
}

// first returns the commit that the first of names which exists means.
func (g *binaryGitter) first(dir string, names []string) (string, error) {
	var errs error
	for _, name := range names {
		out, err := g.git(dir, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
		if err == nil {
			return strings.TrimSpace(out), nil
		}
		errs = err
		if g.context().Err() != nil || errors.Is(err, exec.ErrNotFound) {
			return "", err
		}
	}
	return "", fmt.Errorf("it is neither a branch, a tag nor a commit: %w", errs)
}

// isHash reports whether ref can be the hash of a commit, or its beginning.
func isHash(ref string) bool {
	return len(ref) >= 7 && len(ref) <= 64 && strings.Trim(strings.ToLower(ref), "0123456789abcdef") == ""
}

func (g *binaryGitter) context() context.Context {
	if g.ctx == nil {
		return context.Background()
	}
	return g.ctx
}

// git runs git in a folder and returns what it printed.
func (g *binaryGitter) git(dir string, args ...string) (string, error) {
	return Run(g.context(), dir, args...)
}

// Run runs git in a folder and returns what it printed on its standard output.
// git asks nobody for a password, gives up a transfer that stands still, and is ended
// after 15 minutes unless ctx has a deadline of its own.
func Run(ctx context.Context, dir string, args ...string) (string, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, operationLimit)
		defer cancel()
	}
	out, err := child.Output(ctx, child.Spec{Path: "git", Args: args, Dir: dir, Env: environment()})
	if errors.Is(err, exec.ErrNotFound) {
		return "", fmt.Errorf("%w: install git, or put it on PATH", err)
	}
	return out, err
}

// environment is that of git: the variables that point it at a repository are
// left out, and defaults are put before what the operator set. ssh asks a program
// that says no.
func environment() []string {
	env := []string{
		"GIT_TERMINAL_PROMPT=0", "SSH_ASKPASS=false", "SSH_ASKPASS_REQUIRE=force",
		"GIT_HTTP_LOW_SPEED_LIMIT=1000", "GIT_HTTP_LOW_SPEED_TIME=60",
		"GIT_ALLOW_PROTOCOL=https:http:ssh:git:file",
	}
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_PREFIX":
		default:
			env = append(env, v)
		}
	}
	return env
}
