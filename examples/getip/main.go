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
	"github.com/justcy/go-micro/v4/examples/internal/run"
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
	err := run.Service("getip", func(service micro.Service) error {
		return micro.RegisterHandler(service.Server(), new(Address))
	}, func(caller micro.Service) error {
		c, rsp := caller.Client(), new(Response)
		if err := c.Call(context.Background(), c.NewRequest("getip", "Address.Mine", &Request{}), rsp); err != nil {
			return err
		}
		if net.ParseIP(rsp.IP) == nil {
			return fmt.Errorf("%q is no address", rsp.IP)
		}
		fmt.Println("you call from", rsp.IP)
		return nil
	}, micro.Address("127.0.0.1:0"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "getip:", err)
		os.Exit(1)
	}
}
