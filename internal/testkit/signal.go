package testkit

import (
	"os"
	"syscall"
)

// Terminate sends this process a SIGTERM. It fails on systems without signals.
func Terminate() error {
	p, err := os.FindProcess(os.Getpid())
	if err != nil {
		return err
	}
	return p.Signal(syscall.SIGTERM)
}
