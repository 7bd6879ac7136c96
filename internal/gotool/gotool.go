// Package gotool finds the go program.
package gotool

import (
	"os"
	"os/exec"
	"path/filepath"
)

// Path returns the go program of $GOROOT if that is set, the first one on PATH
// otherwise, and "go" when there is none.
func Path() string {
	if root := os.Getenv("GOROOT"); root != "" {
		return filepath.Join(root, "bin", "go")
	}
	if path, err := exec.LookPath("go"); err == nil {
		return path
	}
	return "go"
}
