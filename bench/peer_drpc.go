package main

import (
	"context"
	"errors"
	"net"

	"storj.io/drpc/drpcconn"
	"storj.io/drpc/drpcmux"
	"storj.io/drpc/drpcpool"
	"storj.io/drpc/drpcserver"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// drpcPeer is storj.io/drpc. A connection of it carries one call at a time, so
// callers share its pool, which keeps a connection for each of them.
func drpcPeer() peer {
	return peer{
		name:  "drpc",
		cases: []string{caseUnary, caseTLS, casePingPong, casePipelined},
		serve: serveDRPC,
		dial:  dialDRPC,
	}
}

type drpcSession struct {
	pool *drpcpool.Pool[string, drpcpool.Conn]
	echo echopb.DRPCEchoClient
}

func serveDRPC(s setup) (*endpoint, error) {
	mux := drpcmux.New()
	if err := echopb.DRPCRegisterEcho(mux, drpcHandler{}); err != nil {
		return nil, err
	}
	l, err := s.listen()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- drpcserver.New(mux).Serve(ctx, l) }()
	return &endpoint{l.Addr().String(), func() error {
		cancel()
		if err := <-served; !errors.Is(err, net.ErrClosed) && !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	}}, nil
}

func dialDRPC(s setup, address string) (session, error) {
	pool := drpcpool.New[string, drpcpool.Conn](drpcpool.Options{Capacity: s.callers})
	conn := pool.Get(context.Background(), address, func(_ context.Context, address string) (drpcpool.Conn, error) {
		c, err := s.dial(address)
		if err != nil {
			return nil, err
		}
		return drpcconn.New(c), nil
	})
	return &drpcSession{pool, echopb.NewDRPCEchoClient(conn)}, nil
}

func (s *drpcSession) call(ctx context.Context, _ int, m *echopb.Message) (int, error) {
	reply, err := s.echo.Call(ctx, m)
	return len(reply.GetBody()), err
}

func (s *drpcSession) stream(ctx context.Context) (stream, error) { return s.echo.Stream(ctx) }

func (s *drpcSession) close() error { return s.pool.Close() }

type drpcHandler struct{}

func (drpcHandler) Call(_ context.Context, m *echopb.Message) (*echopb.Message, error) {
	return &echopb.Message{Body: m.Body}, nil
}

func (drpcHandler) Stream(s echopb.DRPCEcho_StreamStream) error { return echoStream(s) }
