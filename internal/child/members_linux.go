package child

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
)

// member is a process of a group.
type member struct {
	pid    int
	zombie bool // it has ended, and its parent has yet to reap it
}

// membersAreKnown reports whether members works here.
func membersAreKnown() bool {
	_, err := os.Stat("/proc/self/stat")
	return err == nil
}

// members returns the processes of a group.
func members(group int) (found []member) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is well-formed
	id := []byte(strconv.Itoa(group))
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// After the name, which is in parentheses and may be anything, come the
		// state, the parent and the group.
		fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
		if len(fields) < 3 || !bytes.Equal(fields[2], id) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil {
			found = append(found, member{pid: pid, zombie: bytes.ContainsAny(fields[0], "ZX")})
		}
	}
	return found
}
