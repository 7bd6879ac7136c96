// Sharding sends everything about one customer to the same node of a service, which
// can then keep what it knows about them: a client wrapper chooses the node by a
// key in the metadata.
//
//	go run ./examples/sharding
package main

import (
	"cmp"
	"context"
	"fmt"
	"hash/crc32"
	"os"
	"slices"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	greeter "github.com/justcy/go-micro/v4/examples/greeter/proto"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/selector"
)

// keyHeader has what a node is chosen by.
const keyHeader = "X-Customer"

// sharded is a client whose calls with a key go to the node of that key.
type sharded struct{ client.Client }

func shard(c client.Client) client.Client { return sharded{c} }

func (s sharded) Call(ctx context.Context, req client.Request, rsp any, opts ...client.CallOption) error {
	key, ok := metadata.Get(ctx, keyHeader)
	if !ok {
		return s.Client.Call(ctx, req, rsp, opts...)
	}
	strategy := selector.WithStrategy(func(services []*registry.Service) selector.Next { return nodeOf(key, services) })
	return s.Client.Call(ctx, req, rsp, append(slices.Clip(opts), client.WithSelectOption(strategy))...)
}

// nodeOf chooses a node by the key, and the next one when that fails.
func nodeOf(key string, services []*registry.Service) selector.Next {
	var nodes []*registry.Node
	for _, s := range services {
		nodes = append(nodes, s.Nodes...)
	}
	slices.SortFunc(nodes, func(a, b *registry.Node) int { return cmp.Compare(a.Id, b.Id) })
	at := int(crc32.ChecksumIEEE([]byte(key)))
	return func() (*registry.Node, error) {
		if len(nodes) == 0 {
			return nil, selector.ErrNoneAvailable
		}
		at++
		return nodes[at%len(nodes)], nil
	}
}

// Greeter counts how often it has greeted.
type Greeter struct{ greeted map[string]int }

// Hello is called for one customer by one caller after the other.
func (g *Greeter) Hello(_ context.Context, req *greeter.HelloRequest, rsp *greeter.HelloResponse) error {
	g.greeted[req.GetName()]++
	rsp.Greeting = fmt.Sprintf("Hello %s, for the %d. time", req.GetName(), g.greeted[req.GetName()])
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "sharding:", err)
		os.Exit(1)
	}
}

func run() error {
	reg := registry.NewMemoryRegistry()
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	for range 3 {
		s := micro.NewService(micro.Name("greeter"), micro.Registry(reg))
		if err := greeter.RegisterGreeterHandler(s.Server(), &Greeter{map[string]int{}}); err != nil {
			return err
		}
		s.Init()
		if err := s.Server().Start(); err != nil {
			return err
		}
		defer s.Server().Stop()
	}
	caller := micro.NewService(micro.Name("caller"), micro.Registry(reg), micro.WrapClient(shard))
	g := greeter.NewGreeterService("greeter", caller.Client())
	for _, name := range []string{"Anna", "Bert", "Anna", "Carl", "Bert", "Anna"} {
		ctx := metadata.NewContext(context.Background(), metadata.Metadata{keyHeader: name})
		rsp, err := g.Hello(ctx, &greeter.HelloRequest{Name: name})
		if err != nil {
			return err
		}
		fmt.Println(rsp.GetGreeting())
	}
	return nil
}
