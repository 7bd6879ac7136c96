// Package targz unpacks archives that are not trusted.
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
	// Entries is how many files and folders it may have, and what is skipped.
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
	out := &tree{root: root, folders: map[string]bool{".": true}, limit: l.Entries}
	for t := tar.NewReader(in); ; {
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
		if l.Bytes -= h.Size; h.Size < 0 || l.Bytes < 0 {
			return errTooLarge
		}
		if err := out.extract(h, t); err != nil {
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

// tree is what an archive becomes.
type tree struct {
	root    *os.Root
	folders map[string]bool // that are there
	entries int             // so far, with the folders that files are in
	limit   int
}

// count counts one more file, folder or what is skipped.
func (d *tree) count() error {
	if d.entries++; d.entries > d.limit {
		return fmt.Errorf("it has more than %d entries", d.limit)
	}
	return nil
}

func (d *tree) extract(h *tar.Header, content io.Reader) error {
	name, err := localName(h.Name)
	if err != nil {
		return err
	}
	if h.Typeflag == tar.TypeDir {
		return d.mkdir(name)
	}
	if err := d.count(); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	return d.write(name, os.FileMode(h.Mode).Perm(), content)
}

// maxName is how many bytes a name may have: some systems know no longer ones.
const maxName = 1024

// localName returns the name of an entry, which must be one below the folder.
func localName(name string) (string, error) {
	if len(name) > maxName {
		return "", fmt.Errorf("tar contained invalid name error %q…: it has %d bytes", name[:100], len(name))
	}
	clean := path.Clean(name)
	if name == "" || strings.ContainsAny(name, "\\\x00") || strings.Contains(name, "../") || strings.HasPrefix(name, "/") || !filepath.IsLocal(filepath.FromSlash(clean)) || strings.HasSuffix(name, "/..") {
		return "", fmt.Errorf("tar contained invalid name error %q", name)
	}
	return filepath.FromSlash(clean), nil
}

// mkdir makes a folder, and those above it.
func (d *tree) mkdir(name string) error {
	if d.folders[name] {
		return nil
	}
	if err := d.mkdir(filepath.Dir(name)); err != nil {
		return err
	}
	if err := d.count(); err != nil {
		return err
	}
	d.folders[name] = true
	return d.root.MkdirAll(name, 0o755)
}

func (d *tree) write(name string, mode os.FileMode, content io.Reader) error {
	if err := d.mkdir(filepath.Dir(name)); err != nil {
		return err
	}
	// An entry that comes twice must not be written through what came first.
	if err := d.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode|0o200)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}
