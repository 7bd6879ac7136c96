package main

import (
	"context"
	"net/http"

	"connectrpc.com/connect"

	"github.com/justcy/go-micro/bench/internal/echopb"
	"github.com/justcy/go-micro/bench/internal/echopb/echopbconnect"
)

// connectH2Peer is connect-go over HTTP/2, without TLS (h2c) unless the case
// asks for it.
func connectH2Peer() peer {
	return peer{
		name:  "connect-h2",
		cases: []string{caseUnary, caseTLS, casePingPong, casePipelined},
		serve: func(s setup) (*endpoint, error) { return serveConnect(s, true) },
		dial:  func(s setup, url string) (session, error) { return dialConnect(s, url, true) },
	}
}

// connectHTTP1Peer is connect-go over net/http's default, HTTP/1.1.
func connectHTTP1Peer() peer {
	return peer{
		name:  "connect-http1",
		cases: []string{caseUnary, caseHTTP1},
		serve: func(s setup) (*endpoint, error) { return serveConnect(s, false) },
		dial:  func(s setup, url string) (session, error) { return dialConnect(s, url, false) },
	}
}

type connectSession struct {
	client *http.Client
	echo   echopbconnect.EchoClient
}

func serveConnect(s setup, http2 bool) (*endpoint, error) {
	mux := http.NewServeMux()
	mux.Handle(echopbconnect.NewEchoHandler(connectHandler{}))
	return serveWeb(s, mux, http2)
}

func dialConnect(s setup, url string, http2 bool) (session, error) {
	client := newWebClient(s, http2)
	// The server would otherwise compress each reply, which no other peer does.
	plain := connect.WithAcceptCompression("gzip", nil, nil)
	return &connectSession{client, echopbconnect.NewEchoClient(client, url, plain)}, nil
}

func (s *connectSession) call(ctx context.Context, _ int, m *echopb.Message) (int, error) {
	reply, err := s.echo.Call(ctx, connect.NewRequest(m))
	if err != nil {
		return 0, err
	}
	return len(reply.Msg.GetBody()), nil
}

func (s *connectSession) stream(ctx context.Context) (stream, error) {
	return connectStream{s.echo.Stream(ctx)}, nil
}

func (s *connectSession) close() error {
	s.client.CloseIdleConnections()
	return nil
}

// connectStream is the client's stream under the names of the others.
type connectStream struct {
	*connect.BidiStreamForClient[echopb.Message, echopb.Message]
}

func (s connectStream) Recv() (*echopb.Message, error) { return s.Receive() }

func (s connectStream) CloseSend() error { return s.CloseRequest() }

type connectHandler struct{}

func (connectHandler) Call(_ context.Context, r *connect.Request[echopb.Message]) (*connect.Response[echopb.Message], error) {
	return connect.NewResponse(&echopb.Message{Body: r.Msg.Body}), nil
}

func (connectHandler) Stream(_ context.Context, s *connect.BidiStream[echopb.Message, echopb.Message]) error {
	return echoStream(connectServerStream{s})
}

type connectServerStream struct {
	*connect.BidiStream[echopb.Message, echopb.Message]
}

func (s connectServerStream) Recv() (*echopb.Message, error) { return s.Receive() }
