package main

import (
	"context"

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
		serve: serveGRPC,
		dial:  dialGRPC,
	}
}

type grpcSession struct {
	conn *grpc.ClientConn
	echo echopb.EchoClient
}

func serveGRPC(s setup) (*endpoint, error) {
	l, err := setup{}.listen() // gRPC brings its own TLS
	if err != nil {
		return nil, err
	}
	var options []grpc.ServerOption
	if s.tls != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.tls.server.Clone())))
	}
	server := grpc.NewServer(options...)
	echopb.RegisterEchoServer(server, grpcHandler{})
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	return &endpoint{l.Addr().String(), func() error { server.Stop(); return <-served }}, nil
}

func dialGRPC(s setup, address string) (session, error) {
	how := insecure.NewCredentials()
	if s.tls != nil {
		how = credentials.NewTLS(s.tls.client.Clone())
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(how))
	if err != nil {
		return nil, err
	}
	return &grpcSession{conn: conn, echo: echopb.NewEchoClient(conn)}, nil
}

func (s *grpcSession) call(ctx context.Context, _ int, m *echopb.Message) (int, error) {
	reply, err := s.echo.Call(ctx, m)
	return len(reply.GetBody()), err
}

func (s *grpcSession) stream(ctx context.Context) (stream, error) { return s.echo.Stream(ctx) }

func (s *grpcSession) close() error { return s.conn.Close() }

type grpcHandler struct{ echopb.UnimplementedEchoServer }

func (grpcHandler) Call(_ context.Context, m *echopb.Message) (*echopb.Message, error) {
	return &echopb.Message{Body: m.Body}, nil
}

func (grpcHandler) Stream(s grpc.BidiStreamingServer[echopb.Message, echopb.Message]) error {
	return echoStream(s)
}
