// Web is a web service with a page, and a chat over WebSockets:
//
//	go run ./examples/web --server_address 127.0.0.1:8090
//
// The page also reads numbers that a service of its own sends, through a gateway
// that runs in this program, too: as server-sent events.
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/web"
)

//go:embed html
var html embed.FS

// Clock is a service that streams.
type Clock struct{}

// Count is how many ticks to send, and Tick one of them.
type (
	Count struct {
		To int `json:"to"`
	}
	Tick struct {
		N int `json:"n"`
	}
)

// Ticks sends numbers, one after the other.
func (*Clock) Ticks(ctx context.Context, stream server.Stream) error {
	var count Count
	if err := stream.Recv(&count); err != nil {
		return err
	}
	for n := range min(count.To, 1000) {
		if err := stream.Send(&Tick{n + 1}); err != nil {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	clock := micro.NewService(micro.Name("clock"), micro.Address("127.0.0.1:0"), micro.Context(ctx), micro.HandleSignal(false))
	err := micro.RegisterHandler(clock.Server(), new(Clock), api.WithEndpoint(&api.Endpoint{
		Name: "Clock.Ticks", Path: []string{"/ticks"}, Method: []string{"GET"}, Handler: "rpc", Stream: true,
	}))
	if err != nil {
		return err
	}
	pages, err := fs.Sub(html, "html")
	if err != nil {
		return err
	}
	site := web.NewService(web.Name("chat"), web.StaticDir(""))
	calls, stopCalls := gateway()
	site.Handle("/", http.FileServerFS(pages))
	site.Handle("/chat", newRoom())
	site.Handle("/api/", http.StripPrefix("/api", calls))
	if err := site.Init(web.AfterStart(func() error { fmt.Println("http://" + site.Options().Address); return nil })); err != nil {
		return err
	}
	clockEnded := make(chan error, 1)
	go func() { clockEnded <- clock.Run() }()
	err = site.Run()
	stop()
	return errors.Join(err, <-clockEnded, stopCalls())
}
