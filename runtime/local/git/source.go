package git

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// defaultRepo is where sources are that name no repository.
const defaultRepo = "github.com/micro/services"

// Source is where the code of a service is: a folder on this machine, or one in
// a git repository.
type Source struct {
	// Local is whether the code is a folder of this machine's.
	Local bool
	// Repo is the repository, without a scheme: "github.com/owner/name".
	Repo string
	// Folder is the one in the repository; empty for its root.
	Folder string
	// Ref is the branch, tag or commit; "latest" for the newest.
	Ref string
	// FullPath is the folder on this machine. CheckoutSource sets it for the code
	// of a repository.
	FullPath string
	// LocalRepoRoot is the root of the repository that a local folder is in, and
	// empty when it is in none.
	LocalRepoRoot string
}

// RuntimeName is the name of the service that the source makes: the folder, after
// the repository without its host unless that is the default one.
func (s *Source) RuntimeName() string {
	if s.Repo == "" || s.Repo == defaultRepo {
		return s.Folder
	}
	return fmt.Sprintf("%s/%s", strings.ReplaceAll(s.Repo, "github.com/", ""), s.Folder)
}

// RuntimeSource is what a runtime is given for the source.
func (s *Source) RuntimeSource() string {
	switch {
	case s.Local:
		return s.FullPath
	case s.Repo == "" || s.Repo == defaultRepo:
		return s.Folder
	default:
		return fmt.Sprintf("%s/%s", s.Repo, s.Folder)
	}
}

// ParseSource parses [github.com/owner/name/]folder[@ref]. Without a repository
// the folder is one of github.com/micro/services, without a ref it is "latest".
func ParseSource(source string) (*Source, error) {
	if !strings.Contains(source, "github.com") {
		source = defaultRepo + "/" + source
	}
	path, ref, found := strings.Cut(source, "@")
	if !found {
		ref = "latest"
	}
	if strings.HasPrefix(ref, "-") || strings.HasPrefix(source, "-") {
		return nil, fmt.Errorf("source %q: neither it nor its ref may begin with a dash", source)
	}
	parts := strings.Split(strings.TrimPrefix(path, "https://"), "/")
	if len(parts) < 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
		return nil, fmt.Errorf("source %q names no repository: host/owner/name is missing a part", source)
	}
	s := &Source{Repo: strings.Join(parts[:3], "/"), Folder: strings.Join(parts[3:], "/"), Ref: ref}
	if s.Folder != "" && !filepath.IsLocal(s.Folder) || strings.Contains(s.Repo, "..") {
		return nil, fmt.Errorf("source %q leads out of its repository", source)
	}
	return s, nil
}

// ParseSourceLocal parses a path, relative to workDir, when there is something at
// it, and else a source as ParseSource does. The first of pathExists, when given,
// says whether there is something at a path.
func ParseSourceLocal(workDir, source string, pathExists ...func(path string) (bool, error)) (*Source, error) {
	exists := exists
	if len(pathExists) > 0 && pathExists[0] != nil {
		exists = pathExists[0]
	}
	path := source
	if !filepath.IsAbs(path) {
		path = filepath.Join(workDir, source)
	}
	there, err := exists(path)
	if err != nil {
		return nil, err
	}
	if !there {
		return ParseSource(source)
	}
	root, err := GetRepoRoot(path)
	if err != nil {
		return nil, err
	}
	folder := filepath.Base(path)
	if root != "" {
		if folder, err = filepath.Rel(root, path); err != nil {
			return nil, err
		}
		if folder == "." {
			folder = filepath.Base(path)
		}
	}
	return &Source{Local: true, Folder: filepath.ToSlash(folder), FullPath: path, LocalRepoRoot: root, Ref: "latest"}, nil
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EINVAL):
		return false, nil // nothing can be there
	default:
		return false, err
	}
}

// GetRepoRoot returns the nearest folder above path, or path itself, that has a
// .git. It is empty when there is none.
func GetRepoRoot(path string) (string, error) {
	for dir := filepath.Clean(path); ; dir = filepath.Dir(dir) {
		there, err := exists(filepath.Join(dir, ".git"))
		if err != nil && !errors.Is(err, os.ErrPermission) {
			return "", err
		}
		if there {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", nil
		}
	}
}

// CheckoutSource brings the code of a source to this machine, in a clone below
// folder, and sets its FullPath. A source whose FullPath is there is left alone.
func CheckoutSource(folder string, source *Source) error {
	return CheckoutSourceContext(context.Background(), folder, source)
}

// CheckoutSourceContext is CheckoutSource bounded by a context.
func CheckoutSourceContext(ctx context.Context, folder string, source *Source) error {
	if source.FullPath != "" {
		if there, err := exists(source.FullPath); err != nil || there {
			return err
		}
	}
	if source.Folder != "" && !filepath.IsLocal(filepath.FromSlash(source.Folder)) {
		return fmt.Errorf("folder %q leads out of repository %s", source.Folder, source.Repo)
	}
	g := &binaryGitter{folder: folder, ctx: ctx}
	repo := source.Repo
	if !strings.Contains(repo, "https://") {
		repo = "https://" + repo
	}
	dir, err := g.dir(repo)
	if err != nil {
		return err
	}
	if err := g.update(repo, dir); err != nil {
		return err
	}
	if err := g.Checkout(repo, source.Ref); err != nil {
		return err
	}
	path, err := inside(dir, source.Folder)
	if err != nil {
		return fmt.Errorf("folder %q of %s at %s: %w", source.Folder, source.Repo, source.Ref, err)
	}
	source.FullPath = path
	return nil
}

// update clones a repository, or fetches what is new in its clone.
func (g *binaryGitter) update(repo, dir string) error {
	cloned, err := g.cloned(repo, dir)
	switch {
	case err != nil:
		return err
	case cloned:
		return g.FetchAll(repo)
	default:
		return g.Clone(repo)
	}
}

// inside returns the path of a folder below dir, which it must be in although
// there may be symbolic links on the way.
func inside(dir, folder string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	if folder != "" {
		if _, err := root.Stat(filepath.FromSlash(folder)); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, filepath.FromSlash(folder)), nil
}
