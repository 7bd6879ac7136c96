//go:build unix

package mdns

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// shareAddress lets several sockets of the machine bind the same port.
func shareAddress(_, _ string, conn syscall.RawConn) error {
	var shared error
	err := conn.Control(func(fd uintptr) {
		shared = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
		// Needed beside sockets that use it too, unknown to some systems.
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	})
	return errors.Join(err, shared)
}

// ignoreMember hides the error of joining a group a second time.
func ignoreMember(err error) error {
	if errors.Is(err, unix.EADDRINUSE) {
		return nil
	}
	return err
}
