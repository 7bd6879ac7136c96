package logfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

const (
	// poll is how often a log is looked at that is followed. It may be written by
	// another process, and be on any file system.
	poll = 100 * time.Millisecond
	// maxLine is how many bytes a line is read with; a longer one comes in parts.
	maxLine = 1 << 20
	// maxFiles is how many files of a log are looked for.
	maxFiles = 1000
)

// Reader reads the lines of a log in the order they were written.
type Reader struct {
	path  string
	files []*os.File // from the one that is read to the newest
	in    *bufio.Reader
	line  []byte // the beginning of one that is not finished
	limit int
}

// NewReader returns a reader that begins with the last count lines. A log that is
// missing is an error.
func NewReader(path string, count int64) (*Reader, error) {
	r := &Reader{path: path, limit: maxLine}
	files, err := openAll(path, nil)
	if err != nil {
		return nil, err
	}
	first, offset, err := position(files, count)
	if err == nil {
		_, err = files[first].Seek(offset, io.SeekStart)
	}
	closeAll(files[:first])
	if err != nil {
		closeAll(files[first:])
		return nil, err
	}
	r.files = files[first:]
	r.in = bufio.NewReaderSize(r.files[0], 64<<10)
	return r, nil
}

// Close closes the files.
func (r *Reader) Close() { closeAll(r.files) }

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// errRotating says that a log is rotated faster than its files can be opened.
var errRotating = errors.New("it is rotated all the time")

// openAll opens the files of a log, the oldest first, or only those that were begun
// after one of them. It begins anew when the log is rotated meanwhile.
func openAll(path string, after *os.File) ([]*os.File, error) {
	for range 100 {
		before := newest(path)
		files, err := openOnce(path, after)
		if err != nil {
			return nil, err
		}
		if unchanged(before, newest(path)) {
			return files, nil
		}
		closeAll(files)
	}
	return nil, fmt.Errorf("open %s: %w", path, errRotating)
}

// newest describes the two newest files of a log, nil for one that is missing. Each
// rotation changes them.
func newest(path string) (files [2]os.FileInfo) {
	for i := range files {
		files[i], _ = os.Stat(old(path, i))
	}
	return files
}

func unchanged(before, now [2]os.FileInfo) bool {
	for i := range before {
		if (before[i] == nil) != (now[i] == nil) || before[i] != nil && !os.SameFile(before[i], now[i]) {
			return false
		}
	}
	return true
}

// openOnce is openAll without a second attempt. One file, which is being renamed, may be
// missing.
func openOnce(path string, after *os.File) (files []*os.File, err error) {
	var missing error
	for i, empty := 0, 0; i < maxFiles && empty < 2; i++ {
		f, err := os.Open(old(path, i))
		if errors.Is(err, fs.ErrNotExist) {
			missing = err
			empty++
			continue
		}
		found := false
		if err == nil && after != nil {
			found, err = same(f, after)
		}
		if err != nil {
			closeAll(files)
			return nil, err
		}
		if found {
			return files, f.Close()
		}
		files = append([]*os.File{f}, files...)
	}
	if len(files) == 0 {
		return nil, missing
	}
	return files, nil
}

func same(a, b *os.File) (bool, error) {
	x, err := a.Stat()
	if err != nil {
		return false, err
	}
	y, err := b.Stat()
	return err == nil && os.SameFile(x, y), err
}

// position returns the file and the offset in it at which the last count lines of
// files begin.
func position(files []*os.File, count int64) (int, int64, error) {
	for i := len(files) - 1; i >= 0; i-- {
		info, err := files[i].Stat()
		if err != nil {
			return 0, 0, err
		}
		if count <= 0 {
			return i, info.Size(), nil
		}
		offset, missing, err := backwards(files[i], info.Size(), count)
		if err != nil || missing == 0 {
			return i, offset, err
		}
		count = missing
	}
	return 0, 0, nil
}

// backwards looks for the beginning of the last count lines of the first size
// bytes of f. It returns its offset, or how many lines are missing. The last line
// may lack its end.
func backwards(f io.ReaderAt, size, count int64) (offset, missing int64, err error) {
	buf := make([]byte, 32<<10)
	for end := size; end > 0; {
		begin := max(0, end-int64(len(buf)))
		part := buf[:end-begin]
		if _, err := f.ReadAt(part, begin); err != nil && err != io.EOF {
			return 0, 0, err
		}
		for len(part) > 0 {
			i := bytes.LastIndexByte(part, '\n')
			if i < 0 {
				break
			}
			part = part[:i]
			at := begin + int64(i) + 1
			if at == size {
				continue // it ends the last line
			}
			if count--; count == 0 {
				return at, 0, nil
			}
		}
		end = begin
	}
	if size > 0 {
		count--
	}
	return 0, count, nil
}

// Next returns the next line without its end. At the end of the log it waits for
// more if follow is set, and otherwise returns what is left and then io.EOF. A
// rotation loses nothing while the file that is read is one of those kept.
func (r *Reader) Next(ctx context.Context, follow bool) (string, error) {
	for {
		line, done, err := r.read()
		if done || err != nil {
			return line, err
		}
		if more, err := r.advance(); err != nil {
			return "", err
		} else if more {
			continue
		}
		if !follow {
			if len(r.line) > 0 {
				return r.take(), nil
			}
			return "", io.EOF
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(poll):
		}
	}
}

// read reads up to the end of a line or of the file.
func (r *Reader) read() (line string, done bool, err error) {
	for {
		part, err := r.in.ReadSlice('\n')
		r.line = append(r.line, part...)
		switch {
		case err == nil:
			r.line = bytes.TrimSuffix(r.line[:len(r.line)-1], []byte("\r"))
			return r.take(), true, nil
		case len(r.line) >= r.limit:
			return r.take(), true, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case err == io.EOF:
			return "", false, nil
		default:
			return "", false, err
		}
	}
}

func (r *Reader) take() string {
	line := string(r.line)
	r.line = r.line[:0]
	return line
}

// advance goes on to the next file when the one that was read to its end is not
// the newest any more. It reports whether there may be more to read.
func (r *Reader) advance() (bool, error) {
	if len(r.files) == 1 {
		newer, err := r.newer()
		if err != nil || len(newer) == 0 {
			return false, err
		}
		r.files = append(r.files, newer...)
		return true, nil // what was written before the rotation comes first
	}
	r.files[0].Close()
	r.files = r.files[1:]
	r.in.Reset(r.files[0])
	return true, nil
}

// newer opens the files that were begun after the one that is read. A file that
// got shorter is read anew.
func (r *Reader) newer() ([]*os.File, error) {
	current := r.files[0]
	info, err := os.Stat(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // between two steps of a rotation, or removed
	}
	if err != nil {
		return nil, err
	}
	mine, err := current.Stat()
	if err != nil {
		return nil, err
	}
	if os.SameFile(info, mine) {
		at, err := current.Seek(0, io.SeekCurrent)
		if err == nil && at > mine.Size() {
			_, err = current.Seek(0, io.SeekStart)
			r.in.Reset(current)
		}
		return nil, err
	}
	files, err := openAll(r.path, current)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errRotating) {
		return nil, nil // they are looked for again
	}
	return files, err
}
