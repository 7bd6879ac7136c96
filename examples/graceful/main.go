// Graceful starts a call that takes a while, is told to stop in the middle of
// it, and shows that the call is finished before the service ends.
//
//	go run ./examples/graceful
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/justcy/go-micro/v4"
)

// Work asks for something that takes a time.
type Work struct {
	Milliseconds int `json:"milliseconds"`
}

// Result says how it ended.
type Result struct {
	Text string `json:"text"`
}

// Worker is the handler.
type Worker struct {
	begun chan struct{}
}

// Do takes its time.
func (w *Worker) Do(ctx context.Context, req *Work, rsp *Result) error {
	close(w.begun)
	select {
	case <-time.After(time.Duration(req.Milliseconds) * time.Millisecond):
		rsp.Text = "finished"
		return nil
	case <-ctx.Done(): // the caller gave up, or the drain took too long
		return ctx.Err()
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "graceful:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()

	worker := &Worker{begun: make(chan struct{})}
	started := make(chan struct{})
	service := micro.NewService(
		micro.Name("graceful"),
		micro.Context(ctx),
		micro.AfterStart(func() error { close(started); return nil }),
		micro.BeforeStop(func() error { fmt.Println("stopping"); return nil }),
	)
	service.Init()
	if err := micro.RegisterHandler(service.Server(), worker); err != nil {
		return err
	}
	stopped := make(chan error, 1)
	go func() { stopped <- service.Run() }()
	select {
	case <-started:
	case err := <-stopped:
		return err
	}

	go func() { // as a signal would, while the call is under way
		<-worker.begun
		stop()
	}()
	caller := micro.NewService(micro.Name("graceful.client")).Client()
	rsp := new(Result)
	err := caller.Call(context.Background(), caller.NewRequest("graceful", "Worker.Do", &Work{Milliseconds: 500}), rsp)
	if err != nil {
		return fmt.Errorf("the call was lost: %w", err)
	}
	fmt.Println("call:", rsp.Text)
	if err := <-stopped; err != nil {
		return err
	}
	fmt.Println("stopped")
	return nil
}
