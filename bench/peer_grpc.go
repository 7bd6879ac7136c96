package main

import (
	"context"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// grpcPeer is grpc-go as its documentation has it: one ClientConn for all
// callers.
func grpcPeer() peer {
	return peer{
		name:  "grpc-go",
		cases: []string{caseUnary, caseTLS, casePingPong, casePipelined, caseIdle},
		open:  openGRPC,
	}
}

type grpcSession struct {
	server *grpc.Server
	conn   *grpc.ClientConn
	echo   echopb.EchoClient
	served chan error
}

func openGRPC(s setup) (session, error) {
	l, err := setup{}.listen() // gRPC brings its own TLS
	if err != nil {
		return nil, err
	}
	var serverOptions []grpc.ServerOption
	dialCredentials := insecure.NewCredentials()
	if s.tls != nil {
		serverOptions = append(serverOptions, grpc.Creds(credentials.NewTLS(s.tls.server.Clone())))
		dialCredentials = credentials.NewTLS(s.tls.client.Clone())
	}
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(dialCredentials))
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	server := grpc.NewServer(serverOptions...)
	echopb.RegisterEchoServer(server, grpcHandler{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	return &grpcSession{server: server, conn: conn, echo: echopb.NewEchoClient(conn), served: served}, nil
}

func (s *grpcSession) call(ctx context.Context, _ int, m *echopb.Message) (int, error) {
	reply, err := s.echo.Call(ctx, m)
	return len(reply.GetBody()), err
}

func (s *grpcSession) stream(ctx context.Context) (stream, error) { return s.echo.Stream(ctx) }

func (s *grpcSession) close() error {
	err := s.conn.Close()
	s.server.Stop()
	return errors.Join(err, <-s.served)
}

type grpcHandler struct{ echopb.UnimplementedEchoServer }

func (grpcHandler) Call(_ context.Context, m *echopb.Message) (*echopb.Message, error) {
	return &echopb.Message{Body: m.Body}, nil
}

func (grpcHandler) Stream(s grpc.BidiStreamingServer[echopb.Message, echopb.Message]) error {
	return echoStream(s)
}
