package runtime

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/internal/upload"
	"github.com/justcy/go-micro/v4/runtime/local/git"
)

const archiveSuffix = ".tar.gz"

var errNoUnpacker = errors.New(`it is an uploaded archive, which a program unpacks that imports "github.com/justcy/go-micro/v4/runtime/local"`)

// checkout brings the source of a service to this machine and returns its folder:
// the empty one for no source. Stop ends it.
func (r *local) checkout(ctx context.Context, source, version string) (string, error) {
	if source == "" {
		return "", nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r.mu.Lock()
	stopped := r.fetching
	r.mu.Unlock()
	defer context.AfterFunc(stopped, cancel)()
	archive, err := r.uploaded(source)
	if err != nil {
		return "", err
	}
	if archive != "" {
		return r.unpack(ctx, archive)
	}
	parsed, err := git.ParseSourceLocal("", source)
	if err != nil {
		return "", err
	}
	if parsed.Local {
		return localFolder(parsed.FullPath)
	}
	if filepath.IsAbs(source) || strings.HasPrefix(source, ".") {
		return "", fmt.Errorf("source %s: %w", source, os.ErrNotExist)
	}
	if version != "" {
		parsed.Ref = version
	}
	release, err := r.sources.lock(ctx, parsed.Repo)
	if err != nil {
		return "", err
	}
	defer release()
	if err := git.CheckoutSourceContext(ctx, r.folder, parsed); err != nil {
		return "", fmt.Errorf("source %s: %w", source, err)
	}
	return parsed.FullPath, nil
}

func localFolder(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("source %s is not a folder", path)
	}
	if err != nil {
		return "", err
	}
	return filepath.Abs(path)
}

// uploaded returns the archive that a source names, and nothing when it names
// none: archives are files in the folder for uploads.
func (r *local) uploaded(source string) (string, error) {
	if !strings.HasSuffix(source, archiveSuffix) || !filepath.IsLocal(source) {
		return "", nil
	}
	uploads, err := os.OpenRoot(filepath.Join(r.folder, "micro", "uploads"))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer uploads.Close()
	info, err := uploads.Lstat(source)
	if err != nil || !info.Mode().IsRegular() || filepath.Base(source) == archiveSuffix {
		return "", nil
	}
	return filepath.Join(uploads.Name(), source), nil
}

// unpack puts what an archive holds in the place of what was there before, all of
// it or nothing.
func (r *local) unpack(ctx context.Context, archive string) (string, error) {
	if upload.Unpack == nil {
		return "", fmt.Errorf("source %s: %w", filepath.Base(archive), errNoUnpacker)
	}
	release, err := r.sources.lock(ctx, archive)
	if err != nil {
		return "", err
	}
	defer release()
	half, err := os.MkdirTemp(filepath.Dir(archive), ".unpack-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(half)
	if err := upload.Unpack(ctx, archive, half); err != nil {
		return "", err
	}
	folder := strings.TrimSuffix(archive, archiveSuffix)
	return folder, errors.Join(os.Chmod(half, 0o777), os.RemoveAll(folder), os.Rename(half, folder))
}

// keyed lets one at a time work on what has a key.
type keyed struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // closed when the one at work is done
}

// lock waits for those who work on key. The caller calls release.
func (k *keyed) lock(ctx context.Context, key string) (release func(), err error) {
	mine := make(chan struct{})
	for {
		k.mu.Lock()
		other := k.busy[key]
		if other == nil {
			k.busy[key] = mine
		}
		k.mu.Unlock()
		if other == nil {
			break
		}
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return func() {
		k.mu.Lock()
		delete(k.busy, key)
		k.mu.Unlock()
		close(mine)
	}, nil
}
