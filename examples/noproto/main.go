// Noproto shows that a service needs no protobuf: plain Go structs travel as
// JSON, which any HTTP client can speak. While it runs, try
//
//	go run ./examples/noproto --server_address 127.0.0.1:8080
//	curl -H 'Content-Type: application/json' -H 'Micro-Endpoint: Adder.Add' \
//	     -d '{"terms":[1,2,3]}' http://127.0.0.1:8080
package main

import (
	"context"
	"log"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/errors"
)

// AddRequest holds the terms to add.
type AddRequest struct {
	Terms []int `json:"terms"`
}

// AddResponse holds their sum.
type AddResponse struct {
	Sum int `json:"sum"`
}

// Adder is the handler; its endpoint is Adder.Add.
type Adder struct{}

// Add adds the terms up.
func (*Adder) Add(_ context.Context, req *AddRequest, rsp *AddResponse) error {
	if len(req.Terms) == 0 {
		return errors.BadRequest("noproto", "terms are missing")
	}
	for _, term := range req.Terms {
		rsp.Sum += term
	}
	return nil
}

func main() {
	service := micro.NewService(micro.Name("noproto"))
	service.Init()
	if err := micro.RegisterHandler(service.Server(), new(Adder)); err != nil {
		log.Fatal(err)
	}
	if err := service.Run(); err != nil {
		log.Fatal(err)
	}
}
