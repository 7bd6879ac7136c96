package file

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	bolt "go.etcd.io/bbolt"
)

// ErrName is wrapped by the error of an operation on a database, a table or a
// key whose name this store cannot hold.
var ErrName = errors.New("the file store cannot hold this name")

const (
	extension = ".db"
	// maxFileName is what the file systems of today take.
	maxFileName = 255
)

// tableName says which table it is; dir is a clean path.
type tableName struct{ dir, database, table string }

// path returns the table's file. Two tables never have the same one: the name of
// a database may have slashes, that of a table may not.
func (n tableName) path() (string, error) {
	for folder := range strings.SplitSeq(n.database, "/") {
		if err := checkFileName(folder); err != nil {
			return "", fmt.Errorf("database %.80q: %w", n.database, err)
		}
	}
	if err := checkFileName(n.table + extension); err != nil {
		return "", fmt.Errorf("table %.80q: %w", n.table, err)
	}
	return filepath.Join(n.dir, filepath.FromSlash(n.database), n.table+extension), nil
}

// checkFileName refuses what is not the name of one file in its folder.
func checkFileName(name string) error {
	switch {
	case name == "" || name == "." || !filepath.IsLocal(name):
		return fmt.Errorf("%w: it names no file of its own", ErrName)
	case strings.ContainsAny(name, `/\`) || strings.ContainsRune(name, filepath.Separator):
		return fmt.Errorf("%w: file names have no separators", ErrName)
	case strings.ContainsRune(name, 0):
		return fmt.Errorf("%w: file names have no NUL", ErrName)
	case len(name) > maxFileName:
		return fmt.Errorf("%w: a file name has at most %d bytes, not %d", ErrName, maxFileName, len(name))
	}
	return nil
}

func checkKey(key string) error {
	switch {
	case key == "":
		return fmt.Errorf("key %q: %w: it is empty", key, ErrName)
	case len(key) > bolt.MaxKeySize:
		return fmt.Errorf("key %.80q: %w: it has %d bytes, and may have %d", key, ErrName, len(key), bolt.MaxKeySize)
	}
	return nil
}
