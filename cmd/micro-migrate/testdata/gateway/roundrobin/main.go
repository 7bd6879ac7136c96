// Roundrobin hands requests of a gateway on to the nodes of a service in turn.
package main

import (
	"context"
	"encoding/json"
	"sync"

	"go-micro.dev/v4"
	api "go-micro.dev/v4/api/proto"
	"go-micro.dev/v4/client"
	"go-micro.dev/v4/errors"
	"go-micro.dev/v4/logger"
	"go-micro.dev/v4/registry"
	"go-micro.dev/v4/selector"

	pb "example.com/shop/proto"
)

type turns struct {
	mtx  sync.Mutex
	next map[string]int
	client.Client
}

func (t *turns) Call(ctx context.Context, req client.Request, rsp interface{}, opts ...client.CallOption) error {
	turn := func(services []*registry.Service) selector.Next {
		t.mtx.Lock()
		at := t.next[req.Service()]
		t.next[req.Service()]++
		t.mtx.Unlock()
		var nodes []*registry.Node
		for _, service := range services {
			nodes = append(nodes, service.Nodes...)
		}
		return func() (*registry.Node, error) {
			if len(nodes) == 0 {
				return nil, selector.ErrNoneAvailable
			}
			node := nodes[at%len(nodes)]
			at++
			return node, nil
		}
	}
	opts = append(opts, client.WithSelectOption(selector.WithStrategy(turn)))
	return t.Client.Call(ctx, req, rsp, opts...)
}

func inTurn(c client.Client) client.Client { return &turns{next: map[string]int{}, Client: c} }

type Front struct{ greeter pb.GreeterService }

func (f *Front) Hello(ctx context.Context, req *api.Request, rsp *api.Response) error {
	name, ok := req.Get["name"]
	if !ok || len(name.Values) == 0 {
		return errors.BadRequest("go.micro.api.front", "who?")
	}
	answer, err := f.greeter.Hello(ctx, &pb.Request{Name: name.Values[0]})
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]string{"text": answer.Text})
	if err != nil {
		return errors.InternalServerError("go.micro.api.front", err.Error())
	}
	rsp.StatusCode, rsp.Body = 200, string(body)
	return nil
}

func main() {
	service := micro.NewService(micro.Name("go.micro.api.front"), micro.WrapClient(inTurn))
	service.Init()
	front := &Front{pb.NewGreeterService("shop", service.Client())}
	if err := micro.RegisterHandler(service.Server(), front); err != nil {
		logger.Fatal(err)
	}
	if err := service.Run(); err != nil {
		logger.Fatal(err)
	}
}
