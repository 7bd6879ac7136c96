//go:build unix && !linux

package child

// anyAlive is true: that a process is a zombie is not looked up here.
func anyAlive(int) bool { return true }
