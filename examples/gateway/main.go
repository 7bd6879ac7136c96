// Gateway makes the services of the network reachable over HTTP:
//
//	go run ./examples/gateway                # and, in another terminal,
//	go run ./examples/greeter/srv --server_name go.micro.greeter
//	curl -d '{"name":"Ada"}' localhost:8080/greeter/Greeter/Hello
//	curl localhost:8080/openapi.json
//
// The first argument is the address to listen on.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/justcy/go-micro/v4/api"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	address := ":8080"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	if err := api.NewApi(api.WithAddress(address)).Run(ctx); err != nil {
		log.Fatal(err)
	}
}
