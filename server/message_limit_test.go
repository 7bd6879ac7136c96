package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// Sizer tells how large a message is that it got.
type Sizer struct{}

func (Sizer) JSON(_ context.Context, req *Text, rsp *Text) error {
	rsp.Text = fmt.Sprint(len(req.Text))
	return nil
}

func (Sizer) Proto(_ context.Context, req *busMsg, rsp *busMsg) error {
	rsp.Msg = fmt.Sprint(len(req.Msg))
	return nil
}

// limitForms send a message with a text of n bytes and return what comes back:
// how long the text was, or why it did not arrive.
var limitForms = map[string]struct {
	server []transport.Option
	send   func(t *testing.T, s server.Server, n int) string
}{
	"memory":          {nil, sendMessage(nil)},
	"multiplexed":     {nil, sendMessage(nil)},
	"multiplexed TLS": {[]transport.Option{transport.Secure(true)}, sendMessage(nil)},
	"HTTP":            {[]transport.Option{transport.DisableMux()}, sendMessage(nil)},
	"HTTPS":           {[]transport.Option{transport.DisableMux(), transport.Secure(true)}, sendMessage(nil)},
	"HTTP beside handlers": {[]transport.Option{transport.DisableMux(), func(o *transport.Options) {
		handlers := map[string]http.Handler{"GET /{$}": http.NotFoundHandler()}
		o.Context = context.WithValue(context.Background(), "http_handlers", handlers) //nolint:staticcheck // the key is a string
	}}, sendMessage(nil)},
	"gRPC content type, memory":      {nil, sendMessage(grpcSizer)},
	"gRPC content type, multiplexed": {nil, sendMessage(grpcSizer)},
	"gRPC content type, HTTP":        {[]transport.Option{transport.DisableMux()}, sendMessage(grpcSizer)},
	"JSON over HTTP/2":               {nil, sendHTTP2JSON},
	"gRPC over HTTP/2":               {nil, sendHTTP2GRPC},
}

func TestEveryWireFormHasTheSameLimitOfAMessage(t *testing.T) {
	t.Parallel()
	const small, large = 1 << 10, 17 << 20 // 16 MiB is the default, 4 MiB once was gRPC's
	for name, form := range limitForms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, limit := range []int{small, large} {
				opts := append([]transport.Option{transport.MaxMessageSize(limit)}, form.server...)
				var tr transport.Transport = transport.NewHTTPTransport(opts...)
				if strings.HasSuffix(name, "memory") {
					tr = transport.NewMemoryTransport(opts...)
				}
				s := newServer(t, server.Transport(tr))
				handle(t, s, new(Sizer))
				start(t, s)
				fits := limit - 100
				if got := form.send(t, s, fits); got != fmt.Sprint(fits) {
					t.Errorf("limit %d: a message of %d gets %.200q", limit, fits, got)
				}
				over := limit + 100
				if got := form.send(t, s, over); !strings.Contains(got, "413") && !strings.Contains(got, "too large") && !strings.Contains(got, "over the limit") {
					t.Errorf("limit %d: a message of %d gets %.200q", limit, over, got)
				}
			}
		})
	}
}

// sendMessage sends with a transport whose own limit is larger, so that it is
// the server's that counts. Grpc is nil for JSON.
func sendMessage(grpc func(n int) (header, string)) func(*testing.T, server.Server, int) string {
	return func(t *testing.T, s server.Server, n int) string {
		tr := s.Options().Transport
		if o := tr.Options(); tr.String() == "http" {
			more := []transport.Option{transport.MaxMessageSize(64 << 20), transport.Secure(o.Secure)}
			if o.DisableMux {
				more = append(more, transport.DisableMux())
			}
			tr = transport.NewHTTPTransport(more...)
		}
		h, body := jsonHeader("Sizer.JSON", "1"), jsonText(n)
		if grpc != nil {
			h, body = grpc(n)
		}
		m := transport.Message{Header: h, Body: []byte(body)}
		// A server closes a connection on which nothing arrives for a while, and
		// making the body takes a while on a busy machine.
		c, err := tr.Dial(s.Options().Address, transport.WithStream(), transport.WithInsecureSkipVerify(true))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err = c.Send(&m); err == nil {
			err = c.Recv(&m)
		}
		if err != nil {
			return err.Error()
		}
		if grpc != nil {
			return protoText(t, m.Body[5:])
		}
		return jsonValue(m.Body)
	}
}

func jsonText(n int) string { return `{"text":"` + strings.Repeat("x", n) + `"}` }

// jsonValue returns the text in {"text":"…"}.
func jsonValue(b []byte) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(b)), `{"text":"`), `"}`)
}

func grpcSizer(n int) (header, string) {
	h := jsonHeader("Sizer.Proto", "1")
	h["Content-Type"] = "application/grpc"
	return h, grpcFrame(protoBody(strings.Repeat("x", n)))
}

func protoText(t *testing.T, b []byte) string {
	var m busMsg
	if err := proto.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m.Msg
}

func sendHTTP2JSON(t *testing.T, s server.Server, n int) string {
	req, err := http.NewRequest(http.MethodPost, "http://"+s.Options().Address+"/", strings.NewReader(jsonText(n)))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range jsonHeader("Sizer.JSON", "1") {
		if name != "Micro-ID" { // as curl would
			req.Header.Set(name, v)
		}
	}
	rsp, err := http2Client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	b, _ := io.ReadAll(rsp.Body)
	if rsp.StatusCode != http.StatusOK {
		return rsp.Status + string(b)
	}
	return jsonValue(b)
}

func sendHTTP2GRPC(t *testing.T, s server.Server, n int) string {
	rsp, body := grpcPost(t, s.Options().Address, "/pkg.Sizer/Proto", strings.NewReader(grpcFrame(protoBody(strings.Repeat("x", n)))))
	if status(rsp) != "0" {
		if status(rsp) != "8" {
			t.Errorf("the status is %q", status(rsp))
		}
		return rsp.Trailer.Get("Grpc-Message")
	}
	return protoText(t, []byte(body[5:]))
}

// A message over the limit within a stream ends the stream, for its handler and
// for its client.
func TestAMessageOverTheLimitEndsAGRPCStream(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport(transport.MaxMessageSize(1<<10))))
	handle(t, s, new(Counter))
	start(t, s)
	frame := grpcFrame(protoBody("x"))
	rsp, _ := grpcPost(t, s.Options().Address, "/pkg.Counter/Count", strings.NewReader(frame+frame+grpcFrame(protoBody(strings.Repeat("x", 2<<10)))+frame))
	if status(rsp) == "0" || !strings.Contains(rsp.Trailer.Get("Grpc-Message"), "over the limit") {
		t.Errorf("the trailer is %v", rsp.Trailer)
	}
}

// Counter counts the messages of a stream.
type Counter struct{}

func (Counter) Count(_ context.Context, s server.Stream) error {
	for {
		if err := s.Recv(new(busMsg)); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}
