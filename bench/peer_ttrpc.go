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
		serve: serveTTRPC,
		dial:  dialTTRPC,
	}
}

type ttrpcSession struct {
	client *ttrpc.Client
	echo   echopb.TTRPCEchoClient
}

func serveTTRPC(s setup) (*endpoint, error) {
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
	return &endpoint{l.Addr().String(), func() error {
		err := server.Close()
		if reason := <-served; !errors.Is(reason, ttrpc.ErrServerClosed) {
			err = errors.Join(err, reason)
		}
		return err
	}}, nil
}

func dialTTRPC(s setup, address string) (session, error) {
	conn, err := s.dial(address)
	if err != nil {
		return nil, err
	}
	client := ttrpc.NewClient(conn)
	return &ttrpcSession{client, echopb.NewTTRPCEchoClient(client)}, nil
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
	return errors.Join(err, s.client.UserOnCloseWait(ctx))
}

type ttrpcHandler struct{}

func (ttrpcHandler) Call(_ context.Context, m *echopb.Message) (*echopb.Message, error) {
	return &echopb.Message{Body: m.Body}, nil
}

func (ttrpcHandler) Stream(_ context.Context, s echopb.TTRPCEcho_StreamServer) error {
	return echoStream(s)
}
