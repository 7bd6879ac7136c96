package handler

import (
	"context"

	pb "example.com/shop/proto"
	merrors "go-micro.dev/v4/errors"
)

// Greeter greets. It was written for "go-micro.dev/v4".
type Greeter struct{}

func (*Greeter) Hello(_ context.Context, in *pb.Request, out *pb.Response) error {
	if in.Name == "" {
		return merrors.BadRequest("shop", "who?")
	}
	out.Text = "Hello " + in.Name
	return nil
}

func (*Greeter) Count(_ context.Context, in *pb.Request, stream pb.Greeter_CountStream) error {
	return stream.Send(&pb.Response{Text: in.Name})
}
