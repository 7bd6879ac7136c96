//go:build !unix

package child

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// group is the program alone: there are no process groups to end.
type group struct{}

func newGroup(Spec, *pipes) (group, error)                { return group{}, nil }
func (*group) attributes() *syscall.SysProcAttr           { return nil }
func (*group) joined(int)                                 {}
func (*group) dismiss()                                   {}
func (*group) sweep(time.Duration, <-chan struct{}, bool) {}
func (*group) kill(p *os.Process)                         { _ = p.Kill() }

func (*group) terminate(p *os.Process) error {
	if err := p.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
