package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/justcy/go-micro/bench/internal/echopb"
	"github.com/justcy/go-micro/v4/broker"
	microerrors "github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/logger"
	"github.com/justcy/go-micro/v4/registry"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Echo fails as the body of its request says.
type Echo struct{}

func (Echo) Call(ctx context.Context, in, out *echopb.Message) error {
	out.Body = in.Body
	return failures[string(in.Body)]
}

func (Echo) Stream(_ context.Context, s server.Stream) error {
	in := new(echopb.Message)
	for {
		if err := s.Recv(in); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := failures[string(in.Body)]; err != nil {
			return err
		}
		if err := s.Send(in); err != nil {
			return err
		}
	}
}

var failures = map[string]error{
	"400":     microerrors.BadRequest("echo", "100%% Zoë\n"),
	"401":     microerrors.Unauthorized("echo", "who?"),
	"403":     microerrors.Forbidden("echo", "no"),
	"404":     microerrors.NotFound("echo", "nothing"),
	"408":     microerrors.Timeout("echo", "late"),
	"409":     microerrors.Conflict("echo", "both"),
	"412":     microerrors.New("echo", "first", 412),
	"500":     microerrors.InternalServerError("echo", "broken"),
	"501":     microerrors.New("echo", "never", 501),
	"503":     microerrors.New("echo", "later", 503),
	"429":     microerrors.New("echo", "slower", 429),
	"wrapped": fmt.Errorf("look up: %w", microerrors.NotFound("echo", "nothing")),
	"plain":   errors.New("100% plain"),
	"empty":   errors.New(""),
	"late":    context.DeadlineExceeded,
}

// dialStatus connects grpc-go to a server of this project.
func dialStatus(t *testing.T) *grpc.ClientConn {
	t.Helper()
	s := server.NewServer(server.Name("bench"), server.Address("127.0.0.1:0"), server.Transport(transport.NewHTTPTransport()),
		server.Registry(registry.NewMemoryRegistry()), server.Broker(broker.NewMemoryBroker()),
		server.WithLogger(logger.NewLogger(logger.WithOutput(io.Discard))))
	if err := errors.Join(s.Handle(s.NewHandler(new(Echo))), s.Start()); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(s.Options().Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(conn.Close(), s.Stop()); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// want checks a status and the error that is its only detail, if it has one.
func want(t *testing.T, name string, err error, code codes.Code, detail *microerrors.Error) {
	t.Helper()
	s, ok := status.FromError(err)
	if !ok || s.Code() != code {
		t.Errorf("%s: got %v, want %v", name, err, code)
		return
	}
	if detail == nil {
		if len(s.Details()) > 0 {
			t.Errorf("%s: got details %v", name, s.Details())
		}
		return
	}
	if len(s.Details()) != 1 {
		t.Fatalf("%s: got details %v", name, s.Details())
	}
	got, ok := s.Details()[0].(*microerrors.Error)
	if !ok || got.Error() != detail.Error() || s.Message() != detail.Error() {
		t.Errorf("%s: got detail %v and message %q, want %v", name, s.Details()[0], s.Message(), detail)
	}
}

func TestErrorsHaveTheirGRPCStatusAndAreItsDetail(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	echo := echopb.NewEchoClient(dialStatus(t))
	for name, code := range map[string]codes.Code{
		"400": codes.InvalidArgument, "401": codes.Unauthenticated, "403": codes.PermissionDenied, "404": codes.NotFound,
		"408": codes.DeadlineExceeded, "409": codes.AlreadyExists, "412": codes.FailedPrecondition, "500": codes.Internal,
		"501": codes.Unimplemented, "503": codes.Unavailable, "429": codes.Unknown, "wrapped": codes.NotFound,
		"plain": codes.Internal, "empty": codes.Internal, "late": codes.DeadlineExceeded,
	} {
		detail := microerrors.Parse(microerrors.Text("go.micro.server", failures[name]))
		switch name {
		case "plain":
			detail = nil
		case "late":
			detail = microerrors.FromError(microerrors.Timeout("go.micro.server", "context deadline exceeded"))
		}
		_, err := echo.Call(ctx, &echopb.Message{Body: []byte(name)})
		want(t, "call "+name, err, code, detail)

		stream, err := echo.Stream(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := stream.Send(&echopb.Message{Body: []byte("fine")}); err != nil {
			t.Fatal(err)
		}
		if m, err := stream.Recv(); err != nil || string(m.Body) != "fine" {
			t.Errorf("stream %s: got %v, %v", name, m, err)
		}
		if err := stream.Send(&echopb.Message{Body: []byte(name)}); err != nil {
			t.Fatal(err)
		}
		_, err = stream.Recv()
		want(t, "stream "+name, err, code, detail)
	}
}

func TestAPlainErrorKeepsItsTextAsTheGRPCMessage(t *testing.T) {
	_, err := echopb.NewEchoClient(dialStatus(t)).Call(t.Context(), &echopb.Message{Body: []byte("plain")})
	if s := status.Convert(err); s.Message() != "100% plain" {
		t.Errorf("got %q", s.Message())
	}
}

func TestUnknownServicesAndMethodsAreUnimplemented(t *testing.T) {
	conn := dialStatus(t)
	for path, detail := range map[string]string{"/bench.Nobody/Call": "unknown service Nobody", "/bench.Echo/Nothing": "unknown service Echo.Nothing"} {
		err := conn.Invoke(t.Context(), path, new(echopb.Message), new(echopb.Message))
		want(t, path, err, codes.Unimplemented, microerrors.FromError(microerrors.New("go.micro.server", detail, 501)))
	}
}

func TestACallWithoutAnErrorIsOK(t *testing.T) {
	echo := echopb.NewEchoClient(dialStatus(t))
	for _, body := range []string{"", "x"} {
		if m, err := echo.Call(t.Context(), &echopb.Message{Body: []byte(body)}); err != nil || string(m.Body) != body {
			t.Errorf("got %v, %v", m, err)
		}
	}
	stream, err := echo.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want the end", err)
	}
}
