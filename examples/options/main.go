// Options shows where a service's settings come from. It prints those in
// effect as a line of JSON, first what the code, the environment and the
// command line make of them, and again whenever the configuration file changes:
//
//	go run ./examples/options
//	MICRO_REGISTRY=mdns go run ./examples/options --client_retries 7
//	go run ./examples/options --settings settings.json
//
// A flag wins over its variable, and both win over the code. The code's options
// may be given in any order: with OPTIONS=reversed they are, and with
// OPTIONS=none there are none.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/config"
	"github.com/justcy/go-micro/v4/config/source"
	"github.com/justcy/go-micro/v4/config/source/file"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "options:", err)
		os.Exit(1)
	}
}

func run() error {
	var path string
	own := []micro.Option{
		micro.Flags(&cli.StringFlag{Name: "settings", Usage: "JSON file with settings that take effect while the service runs", Destination: &path}),
	}
	service := micro.NewService(append(own, inCode(os.Getenv("OPTIONS"))...)...)
	service.Init()
	if err := show(service); err != nil {
		return err
	}
	if path == "" {
		return service.Run()
	}
	return follow(service, path)
}

// inCode returns the options that the code sets.
func inCode(how string) []micro.Option {
	options := []micro.Option{
		micro.Name("coded"),
		micro.Address("127.0.0.1:0"),
		micro.Registry(registry.NewMemoryRegistry()),
		micro.Broker(broker.NewMemoryBroker()),
		micro.Transport(transport.NewMemoryTransport()),
		micro.Client(client.NewClient(client.Retries(3), client.RequestTimeout(3*time.Second))),
	}
	switch how {
	case "none":
		return nil
	case "reversed":
		slices.Reverse(options)
	}
	return options
}

// settings are those that are shown.
type settings struct {
	Name      string `json:"name"`
	Address   string `json:"address"`
	Registry  string `json:"registry"`
	Broker    string `json:"broker"`
	Transport string `json:"transport"`
	Retries   int    `json:"retries"`
	Timeout   string `json:"timeout"`
}

// show prints the settings in effect, as the server and the client have them.
func show(service micro.Service) error {
	s, c := service.Server().Options(), service.Client().Options()
	return json.NewEncoder(os.Stdout).Encode(settings{
		Name:      s.Name,
		Address:   s.Address,
		Registry:  c.Registry.String(),
		Broker:    c.Broker.String(),
		Transport: s.Transport.String(),
		Retries:   c.CallOptions.Retries,
		Timeout:   c.CallOptions.RequestTimeout.String(),
	})
}

// follow runs the service, and has the client follow the file meanwhile.
func follow(service micro.Service, path string) error {
	c, err := config.NewConfig(config.WithSource(file.NewSource(file.WithPath(path))))
	if err != nil {
		return err
	}
	changes, err := c.Watch() // before the first look, so that no change is missed
	if err == nil {
		err = adopt(service, c)
	}
	if err != nil {
		return errors.Join(err, c.Close())
	}
	var followed error
	var following sync.WaitGroup
	following.Go(func() {
		for followed == nil {
			if _, err := changes.Next(); err != nil {
				if !errors.Is(err, source.ErrWatcherStopped) {
					followed = err
				}
				return
			}
			followed = adopt(service, c)
		}
	})
	err = service.Run()
	err = errors.Join(err, c.Close()) // which ends the watcher
	following.Wait()
	return errors.Join(err, followed)
}

// adopt gives the client what the configuration says now. What it does not say
// stays as it is.
func adopt(service micro.Service, c config.Config) error {
	now := service.Client().Options().CallOptions
	err := service.Client().Init(
		client.Retries(c.Get("client", "retries").Int(now.Retries)),
		client.RequestTimeout(c.Get("client", "timeout").Duration(now.RequestTimeout)),
	)
	return errors.Join(err, show(service))
}
