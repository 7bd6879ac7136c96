// Shutdown is a service that ends when its program says so, as it would by a
// signal, and shows which hooks run when.
//
//	go run ./examples/shutdown
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/justcy/go-micro/v4"
)

func main() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	say := func(text string) func() error {
		return func() error { fmt.Println(text); return nil }
	}
	service := micro.NewService(
		micro.Name("shutdown"),
		micro.Context(ctx), // Run returns when it is done, as after a signal
		micro.BeforeStart(say("before start: open what the service needs")),
		micro.AfterStart(say("after start: the service can be called")),
		micro.AfterStart(func() error { stop(); return nil }),
		micro.BeforeStop(say("before stop: the service can still be called")),
		micro.AfterStop(say("after stop: close what it needed")),
	)
	service.Init()
	if err := service.Run(); err != nil { // nil when it was told to stop
		fmt.Fprintln(os.Stderr, "shutdown:", err)
		os.Exit(1)
	}
	fmt.Println("the end")
}
