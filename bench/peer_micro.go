package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/justcy/go-micro/v4"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/transport"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// microPeer is this project with all defaults but the registry, which is the
// one in memory: a service that serves, and another one whose client calls it
// by name with protobuf bodies.
func microPeer() peer {
	return peer{
		name:  ours,
		cases: []string{caseUnary, caseTLS, caseHTTP1, casePingPong, casePipelined, caseIdle},
		open:  openMicro,
	}
}

const microName = "bench.echo"

type microSession struct {
	client  client.Client
	echo    echopb.EchoService
	stop    context.CancelFunc
	stopped chan error
}

func openMicro(s setup) (session, error) {
	reg := registry.NewMemoryRegistry()
	ctx, cancel := context.WithCancel(context.Background())
	started := make(chan struct{})
	service := micro.NewService(append(microOptions(s, reg),
		micro.Context(ctx),
		micro.AfterStart(func() error { close(started); return nil }),
	)...)
	if err := echopb.RegisterEchoHandler(service.Server(), microHandler{}); err != nil {
		cancel()
		return nil, err
	}
	stopped := make(chan error, 1)
	go func() { stopped <- service.Run() }()
	select {
	case <-started:
	case err := <-stopped:
		cancel()
		return nil, fmt.Errorf("micro: service did not start: %w", err)
	}
	c := micro.NewService(microOptions(s, reg)...).Client()
	if err := c.Init(client.ContentType("application/protobuf")); err != nil {
		cancel()
		return nil, errors.Join(err, <-stopped)
	}
	return &microSession{client: c, echo: echopb.NewEchoService(microName, c), stop: cancel, stopped: stopped}, nil
}

// microOptions are those of both services.
func microOptions(s setup, reg registry.Registry) []micro.Option {
	opts := []micro.Option{
		micro.Name(microName),
		micro.Address("127.0.0.1:0"),
		micro.Registry(reg),
		micro.HandleSignal(false),
	}
	var network []transport.Option
	if s.tls != nil {
		network = append(network, transport.TLSConfig(s.tls.both()))
	}
	if s.http1 {
		network = append(network, transport.DisableMux())
	}
	if len(network) > 0 {
		opts = append(opts, micro.Transport(transport.NewHTTPTransport(network...)))
	}
	return opts
}

func (s *microSession) call(ctx context.Context, _ int, m *echopb.Message) (int, error) {
	reply, err := s.echo.Call(ctx, m)
	return len(reply.GetBody()), err
}

func (s *microSession) stream(ctx context.Context) (stream, error) { return s.echo.Stream(ctx) }

func (s *microSession) close() error {
	var err error
	if c, ok := s.client.(io.Closer); ok {
		err = c.Close()
	}
	s.stop()
	return errors.Join(err, s.client.Options().Selector.Close(), <-s.stopped)
}

type microHandler struct{}

func (microHandler) Call(_ context.Context, req, rsp *echopb.Message) error {
	rsp.Body = req.Body
	return nil
}

func (microHandler) Stream(_ context.Context, s echopb.Echo_StreamStream) error {
	return echoStream(s)
}
