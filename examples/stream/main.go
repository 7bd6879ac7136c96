// Stream shows the three kinds of streams: from the server, from the client,
// and both at once.
//
//	go run ./examples/stream
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/justcy/go-micro/v4"
	stream "github.com/justcy/go-micro/v4/examples/stream/proto"
)

// Streamer implements stream.StreamerHandler.
type Streamer struct{}

// Count sends the numbers below the one asked for.
func (*Streamer) Count(_ context.Context, req *stream.Number, out stream.Streamer_CountStream) error {
	for i := range req.GetValue() {
		if err := out.Send(&stream.Number{Value: i}); err != nil {
			return err
		}
	}
	return nil
}

// Sum adds up what it receives until the client has no more, and answers.
func (*Streamer) Sum(_ context.Context, in stream.Streamer_SumStream) error {
	var sum int64
	for {
		n, err := in.Recv()
		if errors.Is(err, io.EOF) {
			return in.SendMsg(&stream.Number{Value: sum})
		}
		if err != nil {
			return err
		}
		sum += n.GetValue()
	}
}

// Double answers each number with its double.
func (*Streamer) Double(_ context.Context, both stream.Streamer_DoubleStream) error {
	for {
		n, err := both.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := both.Send(&stream.Number{Value: 2 * n.GetValue()}); err != nil {
			return err
		}
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "stream:", err)
		os.Exit(1)
	}
}

func run() error {
	service := micro.NewService(micro.Name("streamer"))
	service.Init()
	if err := stream.RegisterStreamerHandler(service.Server(), new(Streamer)); err != nil {
		return err
	}
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	if err := service.Server().Start(); err != nil {
		return err
	}
	return errors.Join(call(micro.NewService(micro.Name("streamer.client"))), service.Server().Stop())
}

func call(caller micro.Service) error {
	client := stream.NewStreamerService("streamer", caller.Client())
	ctx := context.Background()
	return errors.Join(count(ctx, client), sum(ctx, client), double(ctx, client))
}

// count reads a stream from the server to its end.
func count(ctx context.Context, client stream.StreamerService) error {
	numbers, err := client.Count(ctx, &stream.Number{Value: 3})
	if err != nil {
		return err
	}
	defer numbers.Close()
	for {
		n, err := numbers.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Println("count:", n.GetValue())
	}
}

// sum sends a stream, ends it and reads the one answer.
func sum(ctx context.Context, client stream.StreamerService) error {
	numbers, err := client.Sum(ctx)
	if err != nil {
		return err
	}
	defer numbers.Close()
	for i := int64(1); i <= 3; i++ {
		if err := numbers.Send(&stream.Number{Value: i}); err != nil {
			return err
		}
	}
	if err := numbers.CloseSend(); err != nil {
		return err
	}
	total := new(stream.Number)
	if err := numbers.RecvMsg(total); err != nil {
		return err
	}
	fmt.Println("sum:", total.GetValue())
	return nil
}

// double sends and receives in turn, which both sides could also do at once.
func double(ctx context.Context, client stream.StreamerService) error {
	numbers, err := client.Double(ctx)
	if err != nil {
		return err
	}
	defer numbers.Close()
	for i := int64(1); i <= 3; i++ {
		if err := numbers.Send(&stream.Number{Value: i}); err != nil {
			return err
		}
		n, err := numbers.Recv()
		if err != nil {
			return err
		}
		fmt.Println("double:", n.GetValue())
	}
	if err := numbers.CloseSend(); err != nil {
		return err
	}
	// The server has the last word: it ends the stream, with or without an error.
	if _, err := numbers.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the stream did not end after its last number: %w", err)
	}
	return nil
}
