//go:build unix && !linux

package child

// member is a process of a group.
type member struct {
	pid    int
	zombie bool
}

// membersAreKnown reports whether members works here.
func membersAreKnown() bool { return false }

// members would need a program to be run.
func members(int) []member { return nil }
