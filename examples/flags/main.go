// Flags gives a service a flag of its own, which can be set by an environment
// variable too, beside the flags that every service has.
//
//	go run ./examples/flags --greeting Hi --server_name greeter
//	GREETING=Salut go run ./examples/flags
//	go run ./examples/flags --help
package main

import (
	"fmt"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
)

func main() {
	var greeting string
	service := micro.NewService(
		micro.Name("flags"),
		micro.Flags(&cli.StringFlag{Name: "greeting", EnvVars: []string{"GREETING"}, Value: "Hello", Usage: "What to say"}),
		micro.Action(func(c *cli.Context) error { // when Init has read the command line
			if c.Args().Present() { // without an Action, Init refuses them
				return fmt.Errorf("unexpected argument %q", c.Args().First())
			}
			greeting = c.String("greeting")
			return nil
		}),
		micro.AfterStart(func() error {
			fmt.Println(greeting)
			return nil
		}),
	)
	service.Init()
	fmt.Println("service:", service.Name())
	if err := service.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "flags:", err)
		os.Exit(1)
	}
}
