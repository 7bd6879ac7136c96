//go:build race && unix

package testkit

import (
	"os"
	"syscall"
)

// restart has this process begin again, for the race detector to read its variable,
// which it does when a program starts. It returns when that cannot be.
func restart() {
	if path, err := os.Executable(); err == nil {
		_ = syscall.Exec(path, os.Args, os.Environ())
	}
}
