// Package file is the source of one file. It follows the file through being
// edited in place, replaced by renaming, and swapped by symbolic links on its
// path, the way Kubernetes updates mounted ConfigMaps.
package file

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/internal/options"
)

// DefaultPath is the file of sources without a path. It is read when a source
// is made.
var DefaultPath = "config.json"

// maxSize is the largest file that is read, in bytes.
const maxSize = 64 << 20

// NewSource returns the source. The extension of the file's name tells its
// format, in any case; without one it is that of the source's encoder. A file that does not
// exist fails Read.
func NewSource(opts ...source.Option) source.Source {
	f := &file{opts: source.NewOptions(opts...), path: DefaultPath}
	if path, given := options.Value[filePath](f.opts.Context); given {
		f.path = string(path)
	}
	given, _ := options.Value[fileSystem](f.opts.Context)
	f.fs = given.FS
	return f
}

type file struct {
	opts source.Options
	path string
	fs   fs.FS // nil for that of the operating system
}

func (f *file) String() string { return "file" }

// Location is the file's path.
func (f *file) Location() string { return f.path }

func (f *file) Read() (*source.ChangeSet, error) {
	opened, err := f.open()
	if err != nil {
		return nil, err // names the path
	}
	defer opened.Close()
	info, err := opened.Stat()
	if err != nil {
		return nil, err
	}
	data, err := read(opened, info.Size())
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.path, err)
	}
	set := &source.ChangeSet{Data: data, Format: f.format(), Source: f.String(), Timestamp: info.ModTime()}
	set.Checksum = set.Sum()
	return set, nil
}

// read returns the content of a file with that many bytes, which may have grown, or
// never have had a size, as a device and a pipe.
func read(opened io.Reader, size int64) ([]byte, error) {
	if size > maxSize {
		return nil, fmt.Errorf("the file has %d bytes, %d more than the limit of %d bytes", size, size-maxSize, maxSize)
	}
	data, err := io.ReadAll(io.LimitReader(opened, maxSize+1))
	if err == nil && len(data) > maxSize {
		err = fmt.Errorf("the file goes on after the limit of %d bytes", maxSize)
	}
	return data, err
}

func (f *file) open() (fs.File, error) {
	if f.fs != nil {
		return f.fs.Open(f.path)
	}
	return os.Open(f.path)
}

func (f *file) format() string {
	if extension := strings.TrimPrefix(filepath.Ext(f.path), "."); extension != "" {
		return strings.ToLower(extension)
	}
	return f.opts.Encoder.String()
}

// Write does nothing.
func (f *file) Write(*source.ChangeSet) error { return nil }

// Watch fails if the file does not exist. One in a file system of the user's is
// taken to never change.
func (f *file) Watch() (source.Watcher, error) {
	if f.fs != nil {
		return source.NewNoopWatcher()
	}
	if _, err := os.Stat(f.path); err != nil {
		return nil, err
	}
	return newWatcher(f)
}
