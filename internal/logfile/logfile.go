// Package logfile keeps the lines that programs write in files: a file that is
// appended to and rotated, and a reader of its last and its coming lines.
//
// The lines before those in "name.log" are in "name.log.1", and so on.
package logfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"sync"
)

// Rotation bounds what a log takes on the disk.
type Rotation struct {
	// Size is how many bytes a file may have before the next one is begun.
	Size int64
	// Keep is how many files are kept beside the one that is written.
	Keep int
}

// File is a log that is written. It may be used concurrently.
type File struct {
	path     string
	rotation Rotation

	mu   sync.Mutex // guards the following; a write is done under it, in order
	file *os.File
	size int64
}

// Open opens a log for appending, and creates it when it is missing. Other
// processes may have it open too.
func Open(path string, r Rotation) (*File, error) {
	l := &File{path: path, rotation: r}
	if err := l.open(); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *File) open() error {
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a file", l.path)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.file, l.size = f, info.Size()
	return nil
}

// Write appends p, which is whole lines: a file begins with the first byte of a
// Write. It begins another file before, when this one is full.
func (l *File) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return 0, fs.ErrClosed
	}
	if l.rotation.Size > 0 && l.size > 0 && l.size+int64(len(p)) > l.rotation.Size {
		if err := l.rotate(); err != nil {
			return 0, fmt.Errorf("rotate %s: %w", l.path, err)
		}
	}
	n, err := l.file.Write(p)
	l.size += int64(n)
	return n, err
}

// rotate makes the file the newest of the old ones and begins another. What was
// written is kept when that fails.
func (l *File) rotate() error {
	if l.rotation.Keep <= 0 {
		if err := l.file.Truncate(0); err != nil {
			return err
		}
		l.size = 0
		return nil
	}
	for i := l.rotation.Keep - 1; i >= 0; i-- {
		if err := os.Rename(old(l.path, i), old(l.path, i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	before := l.file
	if err := l.open(); err != nil {
		return err
	}
	return before.Close()
}

// old is the path of the file that was begun i files ago.
func old(path string, i int) string {
	if i == 0 {
		return path
	}
	return path + "." + strconv.Itoa(i)
}

// Close closes the log. Closing it again is no error.
func (l *File) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	return f.Close()
}
