package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

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
		serve: serveMicro,
		dial:  dialMicro,
	}
}

// beforePeer is this project as it was when the binary, a bench, was built.
func beforePeer(binary string) (peer, error) {
	p := microPeer()
	p.name = before
	var err error
	p.binary, err = filepath.Abs(binary)
	return p, err
}

const microName = "bench.echo"

type microSession struct {
	client client.Client
	echo   echopb.EchoService
}

// serveMicro runs a service until it is closed. Its address is its record in
// the registry.
func serveMicro(s setup) (*endpoint, error) {
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
	e := &endpoint{close: func() error { cancel(); return <-stopped }}
	var err error
	if e.address, err = microRecord(reg); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

// microRecord is what the registry knows of the service, as text.
func microRecord(reg registry.Registry) (string, error) {
	found, err := reg.GetService(microName)
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", fmt.Errorf("micro: %d records of one service", len(found))
	}
	encoded, err := json.Marshal(found[0])
	return string(encoded), err
}

// dialMicro makes a client whose registry knows the record.
func dialMicro(s setup, address string) (session, error) {
	record := new(registry.Service)
	if err := json.Unmarshal([]byte(address), record); err != nil {
		return nil, fmt.Errorf("micro: record of the service: %w", err)
	}
	reg := registry.NewMemoryRegistry()
	if err := reg.Register(record); err != nil {
		return nil, err
	}
	c := micro.NewService(microOptions(s, reg)...).Client()
	if err := c.Init(client.ContentType("application/protobuf")); err != nil {
		return nil, err
	}
	return &microSession{client: c, echo: echopb.NewEchoService(microName, c)}, nil
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
	return errors.Join(err, s.client.Options().Selector.Close())
}

type microHandler struct{}

func (microHandler) Call(_ context.Context, req, rsp *echopb.Message) error {
	rsp.Body = req.Body
	return nil
}

func (microHandler) Stream(_ context.Context, s echopb.Echo_StreamStream) error {
	return echoStream(s)
}
