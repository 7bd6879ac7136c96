package micro_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// childVariable makes the test binary play a program that runs a service.
const childVariable = "MICRO_TEST_CHILD"

func TestMain(m *testing.M) {
	if play, ok := children[os.Getenv(childVariable)]; ok {
		play()
		return
	}
	testkit.Main(m)
}

var children = map[string]func(){
	// signal ends a service by its context, and then sends itself SIGTERM.
	"signal": func() {
		ctx, cancel := context.WithCancel(context.Background())
		service := micro.NewService(inMemory(micro.Context(ctx), micro.AfterStart(func() error { cancel(); return nil }))...)
		if err := service.Run(); err != nil {
			fmt.Println(err)
			os.Exit(3)
		}
		_ = testkit.Terminate()
		time.Sleep(time.Minute) // never reached: the signal ends the process
	},
	// init has its command line read, and says what came of it.
	"init": func() {
		service := micro.NewService(inMemory(micro.Name("coded"), micro.Address("127.0.0.1:0"))...)
		service.Init()
		o := service.Server().Options()
		fmt.Println(o.Name, o.Version, service.Options().Registry.String())
		if err := service.Run(); err != nil {
			fmt.Println("run:", err)
			os.Exit(3)
		}
	},
}

// inMemory are the options of a service that needs no network, with more.
func inMemory(more ...micro.Option) []micro.Option {
	reg := registry.NewMemoryRegistry()
	return append([]micro.Option{
		micro.Registry(reg),
		micro.Transport(transport.NewMemoryTransport()),
		micro.Broker(broker.NewMemoryBroker()),
		micro.AddListenOption(server.Address("127.0.0.1:0")),
	}, more...)
}
