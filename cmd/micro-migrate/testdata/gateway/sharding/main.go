// Sharding hands the requests of a gateway on to the node that a header chooses.
package main

import (
	"context"
	"hash/crc32"

	"go-micro.dev/v4"
	api "go-micro.dev/v4/api/proto"
	"go-micro.dev/v4/client"
	"go-micro.dev/v4/errors"
	"go-micro.dev/v4/logger"
	"go-micro.dev/v4/metadata"
	"go-micro.dev/v4/registry"
	"go-micro.dev/v4/selector"

	pb "example.com/shop/proto"
)

type shards struct {
	key string
	client.Client
}

func (s *shards) Call(ctx context.Context, req client.Request, rsp interface{}, opts ...client.CallOption) error {
	md, ok := metadata.FromContext(ctx)
	if !ok {
		return errors.InternalServerError("go.micro.client", "there is no metadata")
	}
	at := crc32.ChecksumIEEE([]byte(md[s.key]))
	shard := func(services []*registry.Service) selector.Next {
		return func() (*registry.Node, error) {
			var nodes []*registry.Node
			for _, service := range services {
				nodes = append(nodes, service.Nodes...)
			}
			if len(nodes) == 0 {
				return nil, selector.ErrNotFound
			}
			return nodes[int(at)%len(nodes)], nil
		}
	}
	return s.Client.Call(ctx, req, rsp, append(opts, client.WithSelectOption(selector.WithStrategy(shard)))...)
}

func by(key string) client.Wrapper {
	return func(c client.Client) client.Client { return &shards{key, c} }
}

type Front struct{ client.Client }

func (f *Front) Hello(ctx context.Context, req *api.Request, rsp *api.Response) error {
	user := req.GetHeader()["X-From-User"]
	if req.Method != "POST" || user == nil || len(user.Values) != 1 {
		return errors.Forbidden("go.micro.api.front", "for users only")
	}
	ctx = metadata.NewContext(ctx, map[string]string{"X-From-User": user.Values[0]})
	var answer pb.Response
	if err := f.Call(ctx, f.NewRequest("shop", "Greeter.Hello", &pb.Request{Name: req.Post["name"].GetValues()[0]}), &answer); err != nil {
		return err
	}
	rsp.StatusCode = 200
	rsp.Body = answer.Text
	return nil
}

func main() {
	service := micro.NewService(micro.Name("go.micro.api.front"), micro.WrapClient(by("X-From-User")))
	service.Init()
	if err := service.Server().Handle(service.Server().NewHandler(&Front{service.Client()})); err != nil {
		logger.Fatal(err)
	}
	if err := service.Run(); err != nil {
		logger.Fatal(err)
	}
}
