package micro_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

func init() { children["blocked"] = playBlocked }

// Blocker is a handler that waits for the end of its context.
type Blocker struct{}

func (Blocker) Block(ctx context.Context, _ *EchoRequest, _ *EchoResponse) error {
	fmt.Println("in the handler")
	<-ctx.Done()
	return nil
}

// playBlocked runs a service with a call in flight that lasts until it is cut
// off, and says how its caller fares. With an argument it does not end then.
func playBlocked() {
	opts := inMemory(
		micro.Name("blocked"), micro.Transport(transport.NewHTTPTransport()),
		micro.AddListenOption(server.DrainTimeout(time.Hour)),
	)
	service := micro.NewService(append(opts, micro.AfterStop(func() error {
		if os.Getenv("SIGNALS_TEST_HANG") != "" {
			fmt.Println("stopped")
			select {}
		}
		return nil
	}))...)
	if err := micro.RegisterHandler(service.Server(), Blocker{}); err != nil {
		panic(err)
	}
	answered := make(chan struct{})
	call := micro.AfterStart(func() error {
		go func() {
			defer close(answered)
			caller := service.Client()
			err := caller.Call(context.Background(), caller.NewRequest("blocked", "Blocker.Block", &EchoRequest{}), new(EchoResponse),
				client.WithRequestTimeout(time.Hour), client.WithRetries(0))
			fmt.Println("answered with code", errors.FromError(err).GetCode())
		}()
		return nil
	})
	service.Init(call)
	if err := service.Run(); err != nil {
		fmt.Println("run:", err)
		os.Exit(3)
	}
	<-answered
}

// childProcess is a child that is talked to while it runs.
type childProcess struct {
	testing.TB
	cmd   *exec.Cmd
	lines chan string
}

func runProgram(t *testing.T, name string, env ...string) *childProcess {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &childProcess{TB: t, cmd: exec.Command(binary), lines: make(chan string, 1000)}
	p.cmd.Env = append(append(os.Environ(), childVariable+"="+name), env...)
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = in, in
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
		io.Copy(io.Discard, out)
		out.Close()
	}()
	t.Cleanup(func() { p.cmd.Process.Kill() })
	return p
}

// await waits for a line with the given part.
func (p *childProcess) await(part string) {
	p.Helper()
	var seen []string
	limit := time.After(testkit.Patience)
	for {
		select {
		case line, ok := <-p.lines:
			if !ok {
				p.Fatalf("the program ended without a line with %q, after\n%s", part, strings.Join(seen, "\n"))
			}
			if seen = append(seen, line); strings.Contains(line, part) {
				return
			}
		case <-limit:
			p.Fatalf("no line with %q after\n%s", part, strings.Join(seen, "\n"))
		}
	}
}

func (p *childProcess) terminate() {
	p.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
}

func TestASecondSignalEndsTheWaitingForCalls(t *testing.T) {
	p := runProgram(t, "blocked")
	p.await("in the handler")
	p.terminate()
	p.await("requests in flight")
	p.terminate()
	p.await("told to hurry")
	p.await("answered with code 503")
	for range p.lines { // until it ends
	}
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("the program ended with %v", err)
	}
}

func TestAThirdSignalEndsTheProcess(t *testing.T) {
	p := runProgram(t, "blocked", "SIGNALS_TEST_HANG=1")
	p.await("in the handler")
	p.terminate()
	p.await("requests in flight")
	p.terminate()
	p.await("stopped")
	p.terminate()
	for range p.lines {
	}
	_ = p.cmd.Wait()
	if status := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("the program ended with %v, want the signal", p.cmd.ProcessState)
	}
}

func TestAnActionMayInitTheService(t *testing.T) {
	var service micro.Service
	service = micro.NewService(inMemory(micro.Action(func(*cli.Context) error {
		service.Init(micro.Version("2"))
		return nil
	}))...)
	done := make(chan struct{})
	go func() {
		defer close(done)
		service.Init(micro.Version("1"))
	}()
	select {
	case <-done:
	case <-time.After(testkit.Patience):
		t.Fatal("deadlock")
	}
	if v := service.Server().Options().Version; v != "2" {
		t.Errorf("the version is %q, want that of the action", v)
	}
}

func TestOptionsOfAServiceAreCopies(t *testing.T) {
	hook := func() error { return nil }
	service := micro.NewService(inMemory(micro.BeforeStart(hook), micro.AfterStart(hook), micro.BeforeStop(hook), micro.AfterStop(hook))...)
	o := service.Options()
	for _, hooks := range [][]func() error{o.BeforeStart, o.AfterStart, o.BeforeStop, o.AfterStop} {
		clear(hooks)
	}
	o = service.Options()
	for _, hooks := range [][]func() error{o.BeforeStart, o.AfterStart, o.BeforeStop, o.AfterStop} {
		if len(hooks) != 1 || hooks[0] == nil {
			t.Errorf("the hooks of the service are %v", hooks)
		}
	}
}
