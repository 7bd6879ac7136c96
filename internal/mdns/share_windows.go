package mdns

import (
	"errors"
	"syscall"

	"golang.org/x/sys/windows"
)

// shareAddress lets several sockets of the machine bind the same port.
func shareAddress(_, _ string, conn syscall.RawConn) error {
	var shared error
	err := conn.Control(func(fd uintptr) {
		shared = windows.SetsockoptInt(windows.Handle(fd), windows.SOL_SOCKET, windows.SO_REUSEADDR, 1)
	})
	return errors.Join(err, shared)
}

// ignoreMember hides the error of joining a group a second time.
func ignoreMember(err error) error {
	if errors.Is(err, windows.WSAEADDRINUSE) || errors.Is(err, windows.WSAEINVAL) {
		return nil
	}
	return err
}
