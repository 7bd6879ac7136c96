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
	"github.com/justcy/go-micro/v4/examples/internal/run"
	"github.com/justcy/go-micro/v4/registry"
)

const (
	ttl      = 2 * time.Second
	interval = 500 * time.Millisecond
)

func main() {
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
	err := run.All(func() error {
		show(reg, "at first")
		time.Sleep(2 * ttl)
		show(reg, "later")
		return nil
	}, alive, silent)
	if err != nil {
		fmt.Fprintln(os.Stderr, "heartbeat:", err)
		os.Exit(1)
	}
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
