// Getip tells callers the address that they call from.
//
//	go run ./examples/getip
package main

import (
	"context"
	"fmt"
	"net"
	"os"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/metadata"
	"github.com/justcy/go-micro/v4/transport/headers"
)

// Request asks for nothing more than the call itself.
type Request struct{}

// Response has the address.
type Response struct {
	IP string `json:"ip"`
}

// Address is the handler.
type Address struct{}

// Mine tells where the connection comes from. Behind a proxy that is the proxy, and
// the caller's address is in a header of its choice, X-Forwarded-For mostly, which
// counts only if nobody else can reach the service.
func (*Address) Mine(ctx context.Context, _ *Request, rsp *Response) error {
	remote, ok := metadata.Get(ctx, headers.Remote)
	if !ok {
		return errors.InternalServerError("getip", "the transport does not tell where calls come from")
	}
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return errors.InternalServerError("getip", "%q is no address: %v", remote, err)
	}
	rsp.IP = host
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "getip:", err)
		os.Exit(1)
	}
}

func run() error {
	service := micro.NewService(micro.Name("getip"), micro.Address("127.0.0.1:0"))
	service.Init()
	if err := micro.RegisterHandler(service.Server(), new(Address)); err != nil {
		return err
	}
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	if err := service.Server().Start(); err != nil {
		return err
	}
	defer service.Server().Stop()

	c, rsp := micro.NewService(micro.Name("getip.client")).Client(), new(Response)
	if err := c.Call(context.Background(), c.NewRequest("getip", "Address.Mine", &Request{}), rsp); err != nil {
		return err
	}
	fmt.Println("you call from", rsp.IP)
	return nil
}
