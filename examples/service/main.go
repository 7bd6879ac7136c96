// Service is a fuller service: typed by a .proto file, with a store behind it,
// errors with codes, validation in a wrapper, and the endpoints with which
// operators look into it.
//
//	go run ./examples/service
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/debug/handler"
	debug "github.com/justcy/go-micro/v4/debug/proto"
	merrors "github.com/justcy/go-micro/v4/errors"
	catalog "github.com/justcy/go-micro/v4/examples/service/proto"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/store"
)

const name = "catalog"

// Catalog implements catalog.CatalogHandler on a store.
type Catalog struct {
	store store.Store
}

// Put adds or replaces an item.
func (c *Catalog) Put(_ context.Context, item *catalog.Item, _ *catalog.PutResponse) error {
	value, err := proto.Marshal(item)
	if err != nil {
		return merrors.BadRequest(name, "item %s: %v", item.GetName(), err)
	}
	return c.store.Write(&store.Record{Key: item.GetName(), Value: value})
}

// Get returns an item, or an error with code 404.
func (c *Catalog) Get(_ context.Context, req *catalog.GetRequest, item *catalog.Item) error {
	records, err := c.store.Read(req.GetName())
	if errors.Is(err, store.ErrNotFound) {
		return merrors.NotFound(name, "no item %s", req.GetName())
	}
	if err != nil {
		return err
	}
	return proto.Unmarshal(records[0].Value, item)
}

// List sends the items whose names begin with the prefix.
func (c *Catalog) List(_ context.Context, req *catalog.ListRequest, stream catalog.Catalog_ListStream) error {
	records, err := c.store.Read(req.GetPrefix(), store.ReadPrefix())
	if err != nil {
		return err
	}
	for _, record := range records {
		item := new(catalog.Item)
		if err := proto.Unmarshal(record.Value, item); err != nil {
			return err
		}
		if err := stream.Send(item); err != nil {
			return err
		}
	}
	return nil
}

// validate refuses items that make no sense, before the handler sees them.
func validate(next server.HandlerFunc) server.HandlerFunc {
	return func(ctx context.Context, req server.Request, rsp any) error {
		if item, ok := req.Body().(*catalog.Item); ok && item.GetPrice() < 0 {
			return merrors.BadRequest(name, "price of %s is negative", item.GetName())
		}
		return next(ctx, req, rsp)
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

func run() error {
	service := micro.NewService(micro.Name(name), micro.WrapHandler(validate))
	service.Init()
	err := errors.Join(
		catalog.RegisterCatalogHandler(service.Server(), &Catalog{store: service.Options().Store}),
		debug.RegisterDebugHandler(service.Server(), handler.NewHandler(service.Client())),
	)
	if err != nil {
		return err
	}
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	if err := service.Server().Start(); err != nil {
		return err
	}
	return errors.Join(use(micro.NewService(micro.Name(name+".client"))), service.Server().Stop())
}

// use is what a caller does with the service.
func use(caller micro.Service) error {
	ctx := context.Background()
	client := catalog.NewCatalogService(name, caller.Client())
	for _, item := range []*catalog.Item{{Name: "pear", Price: 3}, {Name: "apple", Price: 2}} {
		if _, err := client.Put(ctx, item); err != nil {
			return err
		}
	}
	if err := list(ctx, client); err != nil {
		return err
	}
	_, err := client.Get(ctx, &catalog.GetRequest{Name: "plum"})
	explain(err)
	_, err = client.Put(ctx, &catalog.Item{Name: "plum", Price: -1})
	explain(err)

	health, err := debug.NewDebugService(name, caller.Client()).Health(ctx, &debug.HealthRequest{})
	if err != nil {
		return err
	}
	fmt.Println("health:", health.GetStatus())
	return nil
}

func list(ctx context.Context, client catalog.CatalogService) error {
	items, err := client.List(ctx, &catalog.ListRequest{})
	if err != nil {
		return err
	}
	defer items.Close()
	for {
		item, err := items.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println(item.GetName(), "costs", item.GetPrice())
	}
}

// explain prints an error of the service by its code.
func explain(err error) {
	var e *merrors.Error
	if errors.As(err, &e) {
		fmt.Println(e.GetCode(), e.GetDetail())
	}
}
