// Cli calls the greeter service, as often as asked, and says who answered.
//
//	go run ./examples/greeter/cli --name Jane --calls 1000
package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
)

func main() {
	var (
		name  string
		calls int
		pause time.Duration
	)
	service := micro.NewService(
		micro.Name("greeter.cli"),
		micro.Flags(
			&cli.StringFlag{Name: "name", Value: "John", Usage: "who is greeted", Destination: &name},
			&cli.IntFlag{Name: "calls", Value: 1, Usage: "how many calls are made", Destination: &calls},
			&cli.DurationFlag{Name: "pause", Usage: "pause between calls", Destination: &pause},
		),
	)
	service.Init()

	client := greeter.NewGreeterService("greeter", service.Client())
	if err := greet(client, name, calls, pause); err != nil {
		fmt.Fprintln(os.Stderr, "greeter:", err)
		os.Exit(1)
	}
}

// greet makes the calls one after the other, prints the first greeting and how
// many of the calls each server answered.
func greet(client greeter.GreeterService, name string, calls int, pause time.Duration) error {
	answered := map[string]int{}
	for i := range calls {
		rsp, err := client.Hello(context.Background(), &greeter.HelloRequest{Name: name})
		if err != nil {
			return fmt.Errorf("call %d of %d: %w", i+1, calls, err)
		}
		if i == 0 {
			fmt.Println(rsp.GetGreeting())
		}
		answered[rsp.GetServer()]++
		time.Sleep(pause)
	}
	for _, server := range slices.Sorted(maps.Keys(answered)) {
		fmt.Printf("%d calls answered by %s\n", answered[server], server)
	}
	return nil
}
