package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
)

// supervise starts two packers, a producer and a replay, and tells what they did.
func supervise() error {
	packed := make(chan string)
	ended := make(chan error, 2)
	var packers []*process
	for range 2 {
		p, err := start("pack")
		if err != nil {
			return err
		}
		defer p.end()
		if line, err := p.output.ReadString('\n'); err != nil || line != "ready\n" {
			return errors.Join(errors.New("a packer does not become ready"), err)
		}
		packers = append(packers, p)
	}
	for _, p := range packers {
		go func() { ended <- p.tell(packed) }()
	}
	if err := finish("produce", io.Discard); err != nil {
		return err
	}
	once := map[string]bool{}
	for alive := len(packers); len(once) < *count; {
		select {
		case line := <-packed:
			once[line] = true
		case err := <-ended:
			if alive--; alive == 0 {
				return fmt.Errorf("both packers ended: %w", err)
			}
		}
	}
	fmt.Printf("two packers share %d orders\n", len(once))
	return finish("replay", os.Stdout)
}

// process plays one of the roles.
type process struct {
	*exec.Cmd
	input  io.Closer
	output *bufio.Reader
}

func command(role string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.Command(self, "--role", role, "--stream", *url, "--topic", *topic, "--count", strconv.Itoa(*count), "--since", since.String())
	c.Stderr = os.Stderr
	return c, nil
}

// start starts a process that goes on until it is told to end.
func start(role string) (*process, error) {
	c, err := command(role)
	if err != nil {
		return nil, err
	}
	p := &process{Cmd: c}
	if p.input, err = c.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.output = bufio.NewReader(output)
	return p, c.Start()
}

// tell passes on what a process prints, until it ends.
func (p *process) tell(lines chan<- string) error {
	for {
		line, err := p.output.ReadString('\n')
		if err != nil {
			return err
		}
		lines <- line
	}
}

func (p *process) end() {
	_ = p.input.Close()
	_ = p.Wait()
}

// finish runs a process to its end.
func finish(role string, output io.Writer) error {
	c, err := command(role)
	if err != nil {
		return err
	}
	c.Stdout = output
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", role, err)
	}
	return nil
}
