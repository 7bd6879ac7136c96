// Lock shows two processes that want the same lock, and what happens when the one
// that has it crashes: the other gets it a few seconds later, with a greater fencing
// token.
//
//	go run ./examples/lock                                    # on Redis
//	go run ./examples/lock --node nats://127.0.0.1:4222       # on NATS with JetStream
//	go run ./examples/lock --node 'postgresql://root@127.0.0.1:26257/defaultdb?sslmode=disable'
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/justcy/go-micro/v4/sync"
	"github.com/justcy/go-micro/v4/sync/cockroach"
	"github.com/justcy/go-micro/v4/sync/nats"
	"github.com/justcy/go-micro/v4/sync/redis"
)

var (
	node   = flag.String("node", "redis://127.0.0.1:6379", "URL of the server")
	worker = flag.Bool("worker", false, "be one of the two processes")
)

func main() {
	flag.Parse()
	run := supervise
	if *worker {
		run = work
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "lock:", err)
		os.Exit(1)
	}
}

// newSync returns the Sync for the scheme of a URL.
func newSync(url string) (sync.Sync, error) {
	scheme, _, _ := strings.Cut(url, "://")
	switch scheme {
	case "redis", "rediss":
		return redis.NewSync(sync.Nodes(url)), nil
	case "nats":
		return nats.NewSync(sync.Nodes(url)), nil
	case "postgresql", "postgres":
		return cockroach.NewSync(sync.Nodes(url)), nil
	}
	return nil, fmt.Errorf("no locks for the scheme of %s", url)
}

// work locks, says so, and has the lock until its input ends.
func work() error {
	s, err := newSync(*node)
	if err != nil {
		return err
	}
	if err := s.Init(); err != nil {
		return err
	}
	fmt.Println("ready")
	lease, err := s.(sync.Leaser).Acquire(context.Background(), "examples/lock")
	if err != nil {
		return err
	}
	fmt.Println(lease.Token())
	end := make(chan struct{})
	go func() {
		defer close(end)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	select {
	case <-end:
		return lease.Release(context.Background())
	case <-lease.Lost():
		return sync.ErrNotHeld // stop whatever needs the lock
	}
}

// supervise starts the two processes, and kills the one that has the lock.
func supervise() error {
	first, err := start()
	if err != nil {
		return err
	}
	defer first.kill()
	var old, now uint64
	if err := first.say(&old); err != nil {
		return err
	}
	fmt.Println("the first process has the lock")

	second, err := start()
	if err != nil {
		return err
	}
	defer second.kill()
	fmt.Println("the second process waits for it")
	first.kill()
	fmt.Println("the first process is killed")
	if err := second.say(&now); err != nil {
		return err
	}
	fmt.Println("the second process has the lock; its token is greater:", now > old)
	return second.end()
}

// process is one of the two.
type process struct {
	*exec.Cmd
	input  io.Closer
	output *bufio.Reader
}

// start starts a process and waits until it is connected.
func start() (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{Cmd: exec.Command(self, "--worker", "--node", *node)}
	p.Stderr = os.Stderr
	if p.input, err = p.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := p.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.output = bufio.NewReader(output)
	if err := p.Start(); err != nil {
		return nil, err
	}
	var ready string
	return p, p.say(&ready)
}

// say reads the next line of a process.
func (p *process) say(what any) error {
	_, err := fmt.Fscanln(p.output, what)
	return err
}

func (p *process) kill() {
	_ = p.Process.Kill()
	_ = p.Wait()
}

func (p *process) end() error {
	if err := p.input.Close(); err != nil {
		return err
	}
	return p.Wait()
}
