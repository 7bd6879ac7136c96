package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// grpcFrame is a message of the gRPC codec.
func grpcFrame(payload string) string {
	n := len(payload)
	return string([]byte{0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + payload
}

func http2Client(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{Protocols: new(http.Protocols)}
	tr.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func grpcPost(t *testing.T, address, path string, body io.Reader) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+address+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	rsp, err := http2Client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	b, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rsp, string(b)
}

func status(rsp *http.Response) string { return rsp.Trailer.Get("Grpc-Status") }

func TestJSONIsServedOverHTTP2(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, newEcho())
	start(t, s)
	want := `{"text":"` + strings.Repeat("x", 1<<20) + `"}`
	req, err := http.NewRequest(http.MethodPost, "http://"+s.Options().Address+"/", strings.NewReader(want))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range jsonHeader("Echo.Call", "1") {
		req.Header.Set(name, v)
	}
	rsp, err := http2Client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	b, err := io.ReadAll(rsp.Body)
	if err != nil || strings.TrimSpace(string(b)) != want {
		t.Errorf("%d bytes, %v %v", len(b), rsp.Header, err)
	}
}

func TestGRPCIsServedOverHTTP2(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, new(Golden))
	start(t, s)
	address := s.Options().Address

	rsp, body := grpcPost(t, address, "/pkg.Golden/Good", strings.NewReader(grpcFrame(protoBody("x"))))
	if body != grpcFrame(protoBody("re:x")) || status(rsp) != "0" {
		t.Errorf("unary: %q %v %v", body, rsp.Header, rsp.Trailer)
	}
	rsp, body = grpcPost(t, address, "/pkg.Golden/Bad", strings.NewReader(grpcFrame(protoBody("x"))))
	if body != "" || status(rsp) != "5" {
		t.Errorf("error: %q %v %v", body, rsp.Header, rsp.Trailer)
	}
	rsp, body = grpcPost(t, address, "/pkg.Golden/Stream", strings.NewReader(grpcFrame(protoBody("x"))))
	if body != grpcFrame(protoBody("one")) || status(rsp) != "0" {
		t.Errorf("stream: %q %v %v", body, rsp.Header, rsp.Trailer)
	}
	rsp, body = grpcPost(t, address, "/pkg.Golden/Empty", strings.NewReader(grpcFrame("")))
	if body != grpcFrame("") || status(rsp) != "0" {
		t.Errorf("empty: %q %v %v", body, rsp.Header, rsp.Trailer)
	}
	rsp, body = grpcPost(t, address, "/pkg.Golden/Stream", http.NoBody)
	if body != grpcFrame(protoBody("one")) || status(rsp) != "0" {
		t.Errorf("stream of a client without messages: %q %v %v", body, rsp.Header, rsp.Trailer)
	}
	rsp, body = grpcPost(t, address, "/pkg.Golden/Broken", strings.NewReader(grpcFrame("")))
	if body != grpcFrame(protoBody("one")) || status(rsp) != "13" || rsp.Trailer.Get("Grpc-Message") != "broken%0Ain two" {
		t.Errorf("stream that breaks: %q %v %v", body, rsp.Header, rsp.Trailer)
	}
}

// The status of a response is known at its end. Among its headers it would say that
// there is nothing else.
func TestGRPCStatusIsATrailerOnly(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, new(Golden))
	start(t, s)
	for _, method := range []string{"Good", "Bad", "Stream", "Broken"} {
		rsp, _ := grpcPost(t, s.Options().Address, "/pkg.Golden/"+method, strings.NewReader(grpcFrame(protoBody("x"))))
		for _, name := range []string{"Grpc-Status", "Grpc-Message"} {
			if v, ok := rsp.Header[name]; ok {
				t.Errorf("%s: header %s is %q", method, name, v)
			}
		}
		if status(rsp) == "" {
			t.Errorf("%s: there is no status", method)
		}
	}
}

func TestEmptyBodyOverHTTP2IsARequest(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, newEcho())
	start(t, s)
	req, err := http.NewRequest(http.MethodPost, "http://"+s.Options().Address+"/", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range jsonHeader("Echo.Call", "1") {
		req.Header.Set(name, v)
	}
	rsp, err := http2Client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	b, err := io.ReadAll(rsp.Body)
	if err != nil || strings.TrimSpace(string(b)) != `{"text":""}` {
		t.Errorf("%q %v %v", b, rsp.Header, err)
	}
}

// The frames of a large message arrive in pieces, and one read may hold
// several small messages.
func TestGRPCMessagesNeedNotMatchReads(t *testing.T) {
	s := newServer(t, server.Transport(transport.NewHTTPTransport()))
	handle(t, s, new(Golden), newStreams(func(_ context.Context, s server.Stream) error {
		n, size := 0, 0
		for {
			var m busMsg
			err := s.Recv(&m)
			if err == io.EOF {
				return s.Send(&busMsg{Msg: strings.Repeat("n", n) + strings.Repeat("s", size>>20)})
			}
			if err != nil {
				return err
			}
			n, size = n+1, size+len(m.Msg)
		}
	}))
	start(t, s)
	large := strings.Repeat("x", 3<<20)
	frame, err := proto.Marshal(&busMsg{Msg: large})
	if err != nil {
		t.Fatal(err)
	}
	rsp, body := grpcPost(t, s.Options().Address, "/pkg.Golden/Good", strings.NewReader(grpcFrame(string(frame))))
	if len(body) < len(large) || status(rsp) != "0" {
		t.Errorf("large: %d bytes %v %v", len(body), rsp.Header, rsp.Trailer)
	}
	var all bytes.Buffer
	for range 3 {
		all.WriteString(grpcFrame(protoBody("small")))
	}
	all.WriteString(grpcFrame(string(frame)))
	rsp, body = grpcPost(t, s.Options().Address, "/pkg.Streams/Do", &all)
	if body != grpcFrame(protoBody("nnnnsss")) || status(rsp) != "0" {
		t.Errorf("stream: %q %v %v", body, rsp.Header, rsp.Trailer)
	}
}

// waitOverHTTP2 makes a call, whose body is complete, to a handler that waits
// for the end of its context.
func waitOverHTTP2(t *testing.T, s server.Server, e *Echo) (hangUp func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.Options().Address+"/", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range jsonHeader("Echo.WaitDone", "1") {
		req.Header.Set(name, v)
	}
	client := http2Client(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if rsp, err := client.Do(req); err == nil {
			rsp.Body.Close()
		}
	}()
	<-e.entered
	hangUp = func() {
		cancel()
		<-ended
	}
	t.Cleanup(hangUp)
	return hangUp
}

func wantCancelled(t *testing.T, e *Echo) {
	t.Helper()
	select {
	case err := <-e.ended:
		if err != context.Canceled {
			t.Errorf("the context ended with %v", err)
		}
	case <-time.After(testkit.Patience):
		t.Error("the handler's context does not end")
	}
}

func TestHTTP2ClientThatVanishesCancelsTheRequest(t *testing.T) {
	s, e := newServer(t, server.Transport(transport.NewHTTPTransport())), newEcho()
	handle(t, s, e)
	start(t, s)
	waitOverHTTP2(t, s, e)()
	wantCancelled(t, e)
}

func TestStopCancelsRequestsOverHTTP2(t *testing.T) {
	t.Parallel()
	s, e := newServer(t, server.Transport(transport.NewHTTPTransport()), server.DrainTimeout(-1)), newEcho()
	handle(t, s, e)
	start(t, s)
	waitOverHTTP2(t, s, e)
	if err := s.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	wantCancelled(t, e)
}
