// Package child runs programs together with all that they start: a program gets
// a process group of its own, the group is ended with it, and a guardian ends the
// group when this process dies, even by SIGKILL.
package child

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// DefaultGrace is how long what was told to stop may take before it is killed.
const DefaultGrace = 30 * time.Second

// Spec says what to run.
type Spec struct {
	// Path is the executable. One without a slash is looked up on PATH; a
	// relative one is relative to Dir.
	Path string
	// Args are its arguments, as they are.
	Args []string
	// Env is its whole environment, that of this process when nil. Of entries
	// with the same name the last counts.
	Env []string
	// Dir is its working directory, that of this process when empty.
	Dir string
	// Salvage is the absolute path of a file to which the guardian appends what
	// was not read of the outputs when this process died, and what is written
	// afterwards. It is dropped when empty. With it, Release must be called.
	Salvage string
	// Grace is how long the program's group may take to end after SIGTERM, when
	// the program itself has exited or this process died. Default DefaultGrace.
	Grace time.Duration
}

// Child is a program that runs. Its methods may be called concurrently.
type Child struct {
	// Stdin is the writing end of the program's input. The Child closes it when
	// the program has exited.
	Stdin *os.File
	// Stdout and Stderr are the reading ends of its outputs. They belong to the
	// caller, who reads them to their end and closes them. They take deadlines.
	Stdout, Stderr *os.File
	// StdoutRest and StderrRest are for what was taken out of an output and is not
	// safe yet: the guardian appends what is in them, too, before what it reads
	// itself. They belong to the caller, and are empty without Spec.Salvage.
	StdoutRest, StderrRest Pipe

	cmd    *exec.Cmd
	group  group
	grace  time.Duration
	exited chan struct{} // the program was waited for
	done   chan struct{} // nothing of its group is left
	told   atomic.Bool   // the group was asked to end
	killed chan struct{} // closed by Kill
	kill   sync.Once
	err    error // how the program ended, set before exited is closed

	keep    bool // the group's guardian, until Release
	release sync.Once
}

// Start runs a program in the background. When it fails nothing runs.
func Start(spec Spec) (*Child, error) {
	if spec.Path == "" {
		return nil, errors.New("no program to run was named")
	}
	if spec.Grace <= 0 {
		spec.Grace = DefaultGrace
	}
	p, err := openPipes(spec.Salvage != "")
	if err != nil {
		return nil, err
	}
	c := &Child{
		Stdin: p.stdin.W, Stdout: p.stdout.R, Stderr: p.stderr.R, StdoutRest: p.stdoutRest, StderrRest: p.stderrRest,
		grace: spec.Grace, keep: spec.Salvage != "",
		exited: make(chan struct{}), done: make(chan struct{}), killed: make(chan struct{}),
	}
	c.group, err = newGroup(spec, p)
	if err != nil {
		p.close()
		return nil, err
	}
	c.cmd = exec.Command(spec.Path, spec.Args...)
	c.cmd.Env, c.cmd.Dir = spec.Env, spec.Dir
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = p.stdin.R, p.stdout.W, p.stderr.W
	c.cmd.SysProcAttr = c.group.attributes()
	if err := c.cmd.Start(); err != nil {
		c.group.dismiss()
		p.close()
		return nil, fmt.Errorf("start %s: %w", spec.Path, err)
	}
	c.group.joined(c.cmd.Process.Pid)
	p.handedOver()
	go c.watch()
	return c, nil
}

// watch waits for the program and then for what it leaves behind.
func (c *Child) watch() {
	defer close(c.done)
	c.err = c.cmd.Wait()
	close(c.exited)
	c.Stdin.Close()
	c.group.sweep(c.grace, c.killed, !c.told.Swap(true))
	if !c.keep {
		c.Release()
	}
}

// Release tells, once Done is closed, that the outputs were read and what was read
// is safe. It does not need to be called for a Spec without Salvage.
func (c *Child) Release() {
	c.release.Do(c.group.dismiss)
}

// Pid is the process id of the program.
func (c *Child) Pid() int { return c.cmd.Process.Pid }

// Exited is closed when the program itself has ended.
func (c *Child) Exited() <-chan struct{} { return c.exited }

// Done is closed when the program and all that is left of its group has ended.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err returns how the program ended, once Exited is closed: nil for exit status
// 0, and else an *exec.ExitError.
func (c *Child) Err() error {
	select {
	case <-c.exited:
		return c.err
	default:
		return nil
	}
}

// Terminate asks the program and all of its group to end. It is no error when
// they have.
func (c *Child) Terminate() error {
	select {
	case <-c.done:
		return nil
	default:
		c.told.Store(true)
		return c.group.terminate(c.cmd.Process)
	}
}

// Kill ends the program and all of its group at once.
func (c *Child) Kill() {
	select {
	case <-c.done:
		return
	default:
	}
	c.kill.Do(func() { close(c.killed) })
	c.group.kill(c.cmd.Process)
}

// Stop terminates the group unless it was told to end before, kills what is left of it
// when expired fires, and waits until nothing is left. A nil expired never fires.
func (c *Child) Stop(expired <-chan struct{}) error {
	var err error
	if !c.told.Load() {
		err = c.Terminate()
	}
	select {
	case <-c.done:
	case <-expired:
		c.Kill()
		<-c.done
	}
	return err
}
