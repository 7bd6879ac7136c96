// Redirect sends the browsers behind a gateway elsewhere.
package main

import (
	"context"

	"go-micro.dev/v4"
	api "go-micro.dev/v4/api/proto"
	"go-micro.dev/v4/logger"
)

type Links struct{}

func (*Links) Follow(ctx context.Context, req *api.Request, rsp *api.Response) error {
	rsp.StatusCode = int32(302)
	rsp.Header = map[string]*api.Pair{
		"Location": {Key: "Location", Values: []string{"https://go.dev/" + req.Path}},
	}
	return nil
}

func main() {
	service := micro.NewService(micro.Name("go.micro.api.links"))
	service.Init()
	if err := service.Server().Handle(service.Server().NewHandler(new(Links))); err != nil {
		logger.Fatal(err)
	}
	if err := service.Run(); err != nil {
		logger.Fatal(err)
	}
}
