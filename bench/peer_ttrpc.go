package main

import (
	"context"
	"errors"
	"time"

	"github.com/containerd/ttrpc"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// ttrpcPeer is containerd's ttrpc: one client for all callers.
func ttrpcPeer() peer {
	return peer{
		name:  "ttrpc",
		cases: []string{caseUnary, caseTLS, casePingPong, casePipelined},
		open:  openTTRPC,
	}
}

type ttrpcSession struct {
	server *ttrpc.Server
	client *ttrpc.Client
	echo   echopb.TTRPCEchoClient
	served chan error
}

func openTTRPC(s setup) (session, error) {
	server, err := ttrpc.NewServer()
	if err != nil {
		return nil, err
	}
	echopb.RegisterTTRPCEchoService(server, ttrpcHandler{})
	l, err := s.listen()
	if err != nil {
		return nil, err
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(context.Background(), l) }()
	conn, err := s.dial(l.Addr().String())
	if err != nil {
		return nil, errors.Join(err, server.Close())
	}
	client := ttrpc.NewClient(conn)
	return &ttrpcSession{server: server, client: client, echo: echopb.NewTTRPCEchoClient(client), served: served}, nil
}

func (s *ttrpcSession) call(ctx context.Context, _ int, m *echopb.Message) (int, error) {
	reply, err := s.echo.Call(ctx, m)
	return len(reply.GetBody()), err
}

func (s *ttrpcSession) stream(ctx context.Context) (stream, error) { return s.echo.Stream(ctx) }

func (s *ttrpcSession) close() error {
	err := s.client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = errors.Join(err, s.client.UserOnCloseWait(ctx), s.server.Close())
	if served := <-s.served; !errors.Is(served, ttrpc.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

type ttrpcHandler struct{}

func (ttrpcHandler) Call(_ context.Context, m *echopb.Message) (*echopb.Message, error) {
	return &echopb.Message{Body: m.Body}, nil
}

func (ttrpcHandler) Stream(_ context.Context, s echopb.TTRPCEcho_StreamServer) error {
	return echoStream(s)
}
