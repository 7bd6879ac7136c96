//go:build unix

package file_test

import (
	"path/filepath"
	"syscall"
	"testing"
)

func TestWhatIsNoFileIsNotOpened(t *testing.T) {
	dir, _ := layout(t)
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o644))
	d := newDirect(t, dir)
	for _, name := range []string{"", ".", "sub", "sub/", "pipe"} {
		for _, truncate := range []bool{false, true} {
			if id, err := d.open(name, truncate); err == nil {
				t.Errorf("Open(%q, %v) gave session %d", name, truncate, id)
			}
		}
	}
}
