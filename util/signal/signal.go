// Package signal names the signals by which a process is told to end.
package signal

import (
	"os"
	"syscall"
)

// Shutdown returns the signals on which a service stops: terminate, interrupt,
// quit and kill. The caller owns the slice.
func Shutdown() []os.Signal {
	return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL}
}
