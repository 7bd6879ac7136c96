// Package targz unpacks archives that strangers made.
package targz

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/justcy/go-micro/v4/internal/upload"
)

func init() { upload.Unpack = Unpack }

// Limits bound what an archive may become.
type Limits struct {
	// Bytes is how many bytes its files may have together.
	Bytes int64
	// Entries is how many entries it may have.
	Entries int
}

// DefaultLimits are those of Unpack.
var DefaultLimits = Limits{Bytes: 1 << 30, Entries: 100_000}

// Unpack unpacks a gzip'd tar archive into a folder, within DefaultLimits.
func Unpack(ctx context.Context, archive, folder string) error {
	return DefaultLimits.Unpack(ctx, archive, folder)
}

// Unpack unpacks the folders and files of a gzip'd tar archive into a folder.
// Entries of other kinds are skipped; names that lead out of the folder are
// errors. When it fails the folder may have a part.
func (l Limits) Unpack(ctx context.Context, archive, folder string) (err error) {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := l.unpack(ctx, f, root); err != nil {
		return fmt.Errorf("unpack %s: %w", archive, err)
	}
	return nil
}

func (l Limits) unpack(ctx context.Context, r io.Reader, root *os.Root) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	// Headers are bounded as well: what is read in all cannot be much more than
	// what is written.
	in := &bounded{r: z, left: l.Bytes + int64(l.Entries)*2048}
	for t, entries := tar.NewReader(in), 0; ; entries++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if entries >= l.Entries {
			return fmt.Errorf("it has more than %d entries", l.Entries)
		}
		if l.Bytes -= h.Size; h.Size < 0 || l.Bytes < 0 {
			return errTooLarge
		}
		if err := extract(root, h, t); err != nil {
			return err
		}
	}
}

var errTooLarge = errors.New("what it holds is larger than the limit")

// bounded fails with errTooLarge after so many bytes.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

func extract(root *os.Root, h *tar.Header, content io.Reader) error {
	name, err := localName(h.Name)
	if err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeReg:
		return write(root, name, os.FileMode(h.Mode).Perm(), content)
	default:
		return nil
	}
}

// localName returns the name of an entry, which must be one below the folder.
func localName(name string) (string, error) {
	clean := path.Clean(name)
	if name == "" || strings.ContainsAny(name, "\\\x00") || strings.Contains(name, "../") || strings.HasPrefix(name, "/") || !filepath.IsLocal(filepath.FromSlash(clean)) || strings.HasSuffix(name, "/..") {
		return "", fmt.Errorf("tar contained invalid name error %q", name)
	}
	return filepath.FromSlash(clean), nil
}

func write(root *os.Root, name string, mode os.FileMode, content io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	// An entry that comes twice must not be written through what came first.
	if err := root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}
