// Prometheus is a service whose calls are counted and timed for Prometheus.
//
//	go run ./examples/prometheus --metrics_address 127.0.0.1:9090   # in the folder plugins
//	curl -s http://127.0.0.1:9090/metrics | grep ^micro_
//
// It calls itself, so that there is something to be seen.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/urfave/cli/v2"

	"github.com/justcy/go-micro/plugins/v4/wrapper/monitoring/prometheus"
	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
)

// HelloRequest names who is to be greeted.
type HelloRequest struct {
	Name string `json:"name"`
}

// HelloResponse holds the greeting.
type HelloResponse struct {
	Greeting string `json:"greeting"`
}

// Greeter is the handler.
type Greeter struct{}

// Hello greets by name. Without a name it fails, and counts as a failure.
func (*Greeter) Hello(_ context.Context, req *HelloRequest, rsp *HelloResponse) error {
	if req.Name == "" {
		return errors.New("whom shall I greet?")
	}
	rsp.Greeting = "Hello " + req.Name
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "prometheus:", err)
		os.Exit(1)
	}
}

func run() error {
	// What tells the series of this service from those of others.
	labels := []prometheus.Option{
		prometheus.ServiceName("greeter"), prometheus.ServiceVersion("1.0.0"), prometheus.ServiceID("greeter-1"),
	}
	service := micro.NewService(
		micro.Name("greeter"),
		micro.Version("1.0.0"),
		micro.WrapHandler(prometheus.NewHandlerWrapper(labels...)),
		micro.WrapClient(prometheus.NewClientWrapper(labels...)),
		micro.Flags(&cli.StringFlag{Name: "metrics_address", Value: "127.0.0.1:0", Usage: "where /metrics is served"}),
	)
	var address string
	service.Init(micro.Action(func(c *cli.Context) error {
		address = c.String("metrics_address")
		return nil
	}))
	if err := micro.RegisterHandler(service.Server(), new(Greeter)); err != nil {
		return err
	}

	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.Handler())
	web := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = web.Serve(listener) }() // until Close

	ctx, cancel := context.WithCancel(context.Background())
	calling := make(chan struct{})
	service.Init(
		micro.AfterStart(func() error {
			go func() { defer close(calling); call(ctx, service.Client()) }()
			fmt.Printf("http://%s/metrics\n", listener.Addr())
			return nil
		}),
		micro.BeforeStop(func() error { cancel(); <-calling; return nil }),
		micro.AfterStop(web.Close),
	)
	defer cancel()
	return service.Run()
}

// call greets once a second, and forgets the name every third time.
func call(ctx context.Context, c client.Client) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := 1; ; i++ {
		req := &HelloRequest{Name: "John"}
		if i%3 == 0 {
			req.Name = ""
		}
		_ = c.Call(ctx, c.NewRequest("greeter", "Greeter.Hello", req, client.WithContentType("application/json")), new(HelloResponse))
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}
