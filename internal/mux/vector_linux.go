package mux

import (
	"syscall"
	"unsafe"
)

// vector is memory for writev.
type vector [maxVector]syscall.Iovec

// maxVector is enough for what waits and the frames of one batch.
const maxVector = 1 + 2*batchFrames

// write writes as many of the buffers, none of which is empty, as the system
// takes at once.
func (v *vector) write(fd int, buffers [][]byte) (n int, err error) {
	if len(buffers) == 1 {
		return syscall.Write(fd, buffers[0])
	}
	count := min(len(buffers), maxVector)
	for i, b := range buffers[:count] {
		v[i].Base = &b[0]
		v[i].SetLen(len(b))
	}
	wrote, _, errno := syscall.Syscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(v)), uintptr(count))
	clear(v[:])
	if errno != 0 {
		return 0, errno
	}
	return int(wrote), nil
}
