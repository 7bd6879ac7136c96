package file

import (
	"os"
	"path/filepath"
	"strings"
)

// maxLinks bounds the symbolic links on one path.
const maxLinks = 40

// route returns the names whose change can make path another file: the file
// itself where it really is, and every symbolic link on the way there. Their
// directories are free of links. A route to a file that is missing ends at the
// first name that is.
func route(path string) ([]string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	at, rest := start(path)
	var names []string
	for links := 0; len(rest) > 0; {
		name := filepath.Join(at, rest[0])
		rest = rest[1:]
		info, err := os.Lstat(name)
		if err != nil {
			return append(names, name), nil
		}
		if info.Mode()&os.ModeSymlink == 0 {
			at = name
			continue
		}
		if links++; links > maxLinks {
			return nil, &os.PathError{Op: "watch", Path: path, Err: os.ErrInvalid}
		}
		names = append(names, name)
		target, err := os.Readlink(name)
		if err != nil {
			return names, nil // it was replaced a moment ago
		}
		if filepath.IsAbs(target) {
			var first []string
			at, first = start(target)
			rest = append(first, rest...)
			continue
		}
		rest = append(parts(target), rest...)
	}
	return append(names, at), nil
}

// start splits an absolute path into its root and the names below it.
func start(path string) (root string, names []string) {
	root = filepath.VolumeName(path) + string(filepath.Separator)
	return root, parts(strings.TrimPrefix(filepath.Clean(path), root))
}

func parts(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == filepath.Separator })
}
