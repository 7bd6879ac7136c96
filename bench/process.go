package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// patience is how long a worker may take for an answer, beyond what it was
// asked to take, and for its end.
const patience = time.Minute

// A process is a worker as its parent sees it.
type process struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
}

// startProcess starts a build of this benchmark as a worker, with more flags
// if it has any. The worker ends when its standard input does, also if this
// process dies.
func startProcess(binary string, flags ...string) (*process, error) {
	c := exec.Command(binary, append([]string{"-worker"}, flags...)...)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	p := &process{command: c, in: in, out: bufio.NewScanner(out)}
	p.out.Buffer(nil, maxLine)
	return p, nil
}

// ask sends a request and waits for the reply.
func (p *process) ask(r request) (reply, error) {
	line, err := json.Marshal(r)
	if err != nil {
		return reply{}, err
	}
	hangs := time.AfterFunc(patience+r.Duration, func() { _ = p.command.Process.Kill() }) // the read below fails then
	defer hangs.Stop()
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		return reply{}, fmt.Errorf("worker: %s: %w", r.Do, err)
	}
	if !p.out.Scan() {
		return reply{}, fmt.Errorf("worker: %s: no answer: %w", r.Do, errors.Join(p.out.Err(), io.ErrUnexpectedEOF))
	}
	var answer reply
	if err := json.Unmarshal(p.out.Bytes(), &answer); err != nil {
		return reply{}, fmt.Errorf("worker: %s: %w", r.Do, err)
	}
	if answer.Error != "" {
		return reply{}, fmt.Errorf("worker: %s: %s", r.Do, answer.Error)
	}
	return answer, nil
}

// close ends the worker and waits for it.
func (p *process) close() error {
	hangs := time.AfterFunc(patience, func() { _ = p.command.Process.Kill() }) // Wait reports it
	defer hangs.Stop()
	err := p.in.Close()
	if waitErr := p.command.Wait(); waitErr != nil {
		err = errors.Join(err, fmt.Errorf("worker: %w", waitErr))
	}
	return err
}
