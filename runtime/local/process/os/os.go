// Package os runs processes of the operating system.
//
// On Unix each of them gets a process group of its own, with which it is ended:
// what it started and left behind ends with it, and so does all of it when the
// process that forked it dies. Elsewhere a process is ended alone.
package os

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/justcy/go-micro/v4/internal/child"
	"github.com/justcy/go-micro/v4/internal/options"
	"github.com/justcy/go-micro/v4/runtime/local/process"
)

// Process runs executables. Its methods may be called concurrently.
type Process struct {
	options process.Options

	mu       sync.Mutex
	children map[string]*forked // by id
}

// forked is a process that is kept until it was waited for and nothing of its
// group is left.
type forked struct {
	*child.Child
	waited bool
	told   sync.Once // to end
}

var _ process.Process = (*Process)(nil)

// NewProcess returns a *Process.
func NewProcess(opts ...process.Option) process.Process {
	return &Process{options: options.Of(opts), children: make(map[string]*forked)}
}

// Exec runs an executable to its end. The error says how it ended.
func (p *Process) Exec(exe *process.Executable) error {
	spec, err := specify(exe)
	if err != nil {
		return err
	}
	return child.Run(context.Background(), spec, nil, nil)
}

// Fork starts an executable. The process ends, with all of its group, when this
// process dies.
func (p *Process) Fork(exe *process.Executable) (*process.PID, error) {
	spec, err := specify(exe)
	if err != nil {
		return nil, err
	}
	spec.Grace = p.gracePeriod()
	c, err := child.Start(spec)
	if err != nil {
		return nil, err
	}
	id := strconv.Itoa(c.Pid())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.children == nil { // a Process that was not made by NewProcess
		p.children = make(map[string]*forked)
	}
	p.forget()
	p.children[id] = &forked{Child: c}
	return &process.PID{ID: id, Input: c.Stdin, Output: c.Stdout, Error: c.Stderr}, nil
}

// Kill asks a process and all of its group to end, and kills what has not after the
// grace period. One that this Process did not fork is only asked.
func (p *Process) Kill(pid *process.PID) error {
	if c := p.child(pid); c != nil {
		err := c.Terminate()
		c.told.Do(func() { time.AfterFunc(p.gracePeriod(), c.Child.Kill) })
		return err
	}
	n, err := number(pid)
	if err != nil {
		return err
	}
	return terminate(n)
}

func (p *Process) gracePeriod() time.Duration {
	if d := p.options.GracePeriod; d > 0 {
		return d
	}
	return child.DefaultGrace
}

// Wait waits for a process that this Process forked or that is a child of this
// process.
func (p *Process) Wait(pid *process.PID) error {
	if c := p.child(pid); c != nil {
		<-c.Exited()
		p.mu.Lock()
		defer p.mu.Unlock()
		c.waited = true
		p.forget()
		return c.Err()
	}
	n, err := number(pid)
	if err != nil {
		return err
	}
	found, err := os.FindProcess(n)
	if err != nil {
		return err
	}
	state, err := found.Wait()
	if err != nil {
		return err
	}
	if !state.Success() {
		return errors.New(state.String())
	}
	return nil
}

// forget drops the processes that nobody asks for any more. p.mu is held.
func (p *Process) forget() {
	for id, c := range p.children {
		select {
		case <-c.Done():
			if c.waited {
				delete(p.children, id)
			}
		default:
		}
	}
}

func (p *Process) child(pid *process.PID) *forked {
	if pid == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.children[pid.ID]
}

// number returns the process id, which must not be one that means a group.
func number(pid *process.PID) (int, error) {
	if pid == nil {
		return 0, errors.New("no process was named")
	}
	n, err := strconv.Atoi(pid.ID)
	if err != nil || n <= 1 {
		return 0, fmt.Errorf("%q is not the id of a process", pid.ID)
	}
	return n, nil
}

func specify(exe *process.Executable) (child.Spec, error) {
	if exe == nil || exe.Package == nil || exe.Package.Path == "" {
		return child.Spec{}, errors.New("the executable has no path")
	}
	env := append(os.Environ(), exe.Env...)
	return child.Spec{Path: exe.Package.Path, Args: exe.Args, Env: env, Dir: exe.Dir}, nil
}
