//go:build unix

package pki

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// private fails when others than the user could read a file or put another one in
// its place.
func private(path string) error {
	for _, p := range []string{filepath.Dir(path), path} {
		info, err := os.Stat(p)
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			return fmt.Errorf("%s is open to others (%v): take their permissions away (chmod go= %s)", p, info.Mode().Perm(), p)
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() {
			return fmt.Errorf("%s belongs to user %d, not to %d who runs this process", p, s.Uid, os.Geteuid())
		}
	}
	return nil
}
