//go:build unix

package os

import (
	"os"
	"syscall"
)

// terminate asks the group of a process to end.
func terminate(pid int) error {
	return os.NewSyscallError("kill", syscall.Kill(-pid, syscall.SIGTERM))
}
