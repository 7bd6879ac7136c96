// Heartbeat shows how a registration lives: the service renews it at an interval,
// and one that is not renewed any more, because its process has died for instance,
// expires.
//
//	go run ./examples/heartbeat
package main

import (
	"fmt"
	"os"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/registry"
)

const (
	ttl      = 2 * time.Second
	interval = 500 * time.Millisecond
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "heartbeat:", err)
		os.Exit(1)
	}
}

func run() error {
	reg := registry.NewMemoryRegistry()
	alive := micro.NewService(
		micro.Name("alive"),
		micro.Registry(reg),
		micro.RegisterTTL(ttl),           // how long a registration lasts,
		micro.RegisterInterval(interval), // and how often it is renewed
	)
	silent := micro.NewService(
		micro.Name("silent"),
		micro.Registry(reg),
		micro.RegisterTTL(ttl),
		micro.RegisterInterval(0), // never
	)
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	for _, service := range []micro.Service{alive, silent} {
		service.Init()
		if err := service.Server().Start(); err != nil {
			return err
		}
		defer service.Server().Stop()
	}
	show(reg, "at first")
	time.Sleep(2 * ttl)
	show(reg, "later")
	return nil
}

// show prints who is registered.
func show(reg registry.Registry, when string) {
	for _, name := range []string{"alive", "silent"} {
		if services, err := reg.GetService(name); err == nil && len(services) > 0 {
			fmt.Printf("%s: %s is registered\n", when, name)
		} else {
			fmt.Printf("%s: %s is gone\n", when, name)
		}
	}
}
