//go:build unix && !linux

package mux

import "syscall"

type vector struct{}

// write writes as much of the first buffer as the system takes at once.
func (*vector) write(fd int, buffers [][]byte) (n int, err error) {
	return syscall.Write(fd, buffers[0])
}
