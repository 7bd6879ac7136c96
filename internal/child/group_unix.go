//go:build unix

package child

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// sweepPoll is how often a group that is ending is looked at.
const sweepPoll = 10 * time.Millisecond

// group is a process group. Its leader is the guardian, so that the group is there
// before the program is, and its number is not given to anybody else meanwhile.
// Where there is no shell to guard it, the program leads it.
type group struct {
	guardian *guardian // nil where there is none
	id       int
}

func newGroup(spec Spec, p *pipes) (group, error) {
	g, err := startGuardian(spec, p)
	if err != nil || g == nil {
		return group{}, err
	}
	return group{guardian: g, id: g.cmd.Process.Pid}, nil
}

// attributes put a program into the group.
func (g *group) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pgid: g.id}
}

// joined is told the program that runs in the group.
func (g *group) joined(pid int) {
	if g.guardian == nil {
		g.id = pid
	}
}

// dismiss ends the guardian of a group in which nothing runs.
func (g *group) dismiss() {
	if g.guardian != nil {
		g.guardian.dismiss()
		g.guardian = nil
	}
}

func (g *group) terminate(*os.Process) error {
	if err := syscall.Kill(-g.id, syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		return os.NewSyscallError("kill", err)
	}
	return nil
}

func (g *group) kill(*os.Process) { _ = syscall.Kill(-g.id, syscall.SIGKILL) }

// sweep ends what the program has left in its group: it is asked to end, unless it was
// already (many take a second signal for an order to drop everything), and killed after
// the grace period or when killed is closed. The guardian stays, unless that hides
// whether anybody else is left.
func (g *group) sweep(grace time.Duration, killed <-chan struct{}, ask bool) {
	if ask {
		_ = syscall.Kill(-g.id, syscall.SIGTERM)
	}
	if !membersAreKnown() {
		g.dismiss()
	}
	deadline := time.NewTimer(grace)
	defer deadline.Stop()
	for g.occupied() {
		select {
		case <-time.After(sweepPoll):
			continue
		case <-deadline.C:
		case <-killed:
		}
		_ = syscall.Kill(-g.id, syscall.SIGKILL)
		g.awaitKilled()
		return
	}
}

// awaitKilled waits until the processes that were killed are gone; one that hangs
// in the kernel is not waited for.
func (g *group) awaitKilled() {
	for end := time.Now().Add(5 * time.Second); g.occupied() && time.Now().Before(end); {
		time.Sleep(sweepPoll)
	}
}

// occupied reports whether the group has processes that live, beside the guardian.
// Dead ones whose parent this process has become, as the first one of a container,
// are reaped.
func (g *group) occupied() bool {
	guardian := 0
	if g.guardian != nil {
		guardian = g.guardian.cmd.Process.Pid
	}
	if !membersAreKnown() {
		return !errors.Is(syscall.Kill(-g.id, 0), syscall.ESRCH)
	}
	for _, m := range members(g.id) {
		if m.pid == guardian {
			continue
		}
		if !m.zombie {
			return true
		}
		_, _ = syscall.Wait4(m.pid, nil, syscall.WNOHANG, nil)
	}
	return false
}
