// Shop is a service written for go-micro v4.
package main

import (
	"context"
	"fmt"

	"example.com/shop/handler"
	pb "example.com/shop/proto"
	"github.com/go-micro/plugins/v4/config/encoder/yaml"
	"go-micro.dev/v4"
	"go-micro.dev/v4/config"
	"go-micro.dev/v4/config/reader"
	"go-micro.dev/v4/config/reader/json"
	"go-micro.dev/v4/config/source/file"
	"go-micro.dev/v4/logger"
)

func main() {
	conf, err := config.NewConfig(config.WithReader(json.NewReader(reader.WithEncoder(yaml.NewEncoder()))))
	if err != nil {
		logger.Fatal(err)
	}
	if err := conf.Load(file.NewSource(file.WithPath("shop.yaml"))); err != nil {
		logger.Fatal(err)
	}
	service := micro.NewService(micro.Name("shop"))
	service.Init()
	if err := pb.RegisterGreeterHandler(service.Server(), new(handler.Greeter)); err != nil {
		logger.Fatal(err)
	}
	rsp, err := pb.NewGreeterService("shop", service.Client()).Hello(context.Background(), &pb.Request{Name: "John"})
	fmt.Println(rsp, err)
}
