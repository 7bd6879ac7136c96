//go:build unix

package seal

import "syscall"

// attempt writes what the system takes of p at once.
func (c *Conn) attempt(p []byte) (n int, err error) {
	var failed error
	err = c.raw.Write(func(fd uintptr) bool {
		n, failed = syscall.Write(int(fd), p)
		return true
	})
	switch {
	case err != nil:
		return 0, err
	case failed == syscall.EAGAIN, failed == syscall.EINTR:
		return 0, nil
	case failed != nil:
		return 0, failed
	}
	return n, nil
}
