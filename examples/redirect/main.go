// Redirect is a service behind the gateway that sends browsers elsewhere: a handler
// of the kind api sees the HTTP request, and says what the response is.
//
//	go run ./examples/redirect
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/api"
	"github.com/justcy/go-micro/v4/api/handler"
	kindapi "github.com/justcy/go-micro/v4/api/handler/api"
	pb "github.com/justcy/go-micro/v4/api/proto"
	"github.com/justcy/go-micro/v4/api/router"
	routes "github.com/justcy/go-micro/v4/api/router/registry"
	"github.com/justcy/go-micro/v4/errors"
)

// Links knows where short links lead to.
type Links map[string]string

// Follow answers with the address of a link.
func (l Links) Follow(_ context.Context, req *pb.Request, rsp *pb.Response) error {
	to, ok := l[req.GetPath()]
	if !ok {
		return errors.NotFound("redirect", "there is no link %s", req.GetPath())
	}
	rsp.StatusCode = http.StatusMovedPermanently
	rsp.Header = map[string]*pb.Pair{"Location": {Key: "Location", Values: []string{to}}}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "redirect:", err)
		os.Exit(1)
	}
}

func run() error {
	service := micro.NewService(micro.Name("redirect"))
	service.Init()
	err := micro.RegisterHandler(service.Server(), Links{"/to/go": "https://go.dev/"},
		api.WithEndpoint(&api.Endpoint{Name: "Links.Follow", Path: []string{"/to/**"}, Method: []string{"GET"}, Handler: kindapi.Handler}))
	if err != nil {
		return err
	}
	// Run would serve until a signal comes. This program ends when it has shown
	// what it does.
	if err := service.Server().Start(); err != nil {
		return err
	}
	defer service.Server().Stop()
	return follow(micro.NewService(micro.Name("redirect.client")))
}

// follow is a browser that tells where it is sent. Its gateway runs here too; see
// package api for one of its own.
func follow(caller micro.Service) error {
	rtr := routes.NewRouter(router.WithRegistry(caller.Options().Registry))
	defer rtr.Stop() //nolint:errcheck // fails never
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	gateway := &http.Server{
		Handler:           kindapi.NewHandler(handler.WithRouter(rtr), handler.WithClient(caller.Client())),
		ReadHeaderTimeout: 5 * time.Second,
	}
	defer gateway.Close()
	go func() { _ = gateway.Serve(listener) }() // until Close

	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for _, path := range []string{"/to/go", "/to/nowhere"} {
		rsp, err := browser.Get("http://" + listener.Addr().String() + path)
		if err != nil {
			return err
		}
		_ = rsp.Body.Close()
		fmt.Println(strings.TrimSpace(fmt.Sprintln(path, rsp.StatusCode, rsp.Header.Get("Location"))))
	}
	return nil
}
