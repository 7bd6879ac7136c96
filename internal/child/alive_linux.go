package child

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// anyAlive reports whether one of the processes of a group is more than a zombie
// that its parent has yet to reap. When that cannot be told it is true.
func anyAlive(group int) bool {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return true
	}
	id := []byte(strconv.Itoa(group))
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// After the name, which is in parentheses and may be anything, come the
		// state, the parent and the group.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) > 2 && bytes.Equal(fields[2], id) && !bytes.ContainsAny(fields[0], "ZX") {
			return true
		}
	}
	return false
}
