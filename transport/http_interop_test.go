package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/transport"
)

// netHTTPPeer listens as go-micro v4 does: net/http parses the first request,
// the connection is hijacked, and later messages are read and written on it
// with net/http's own types.
func netHTTPPeer(t *testing.T, serve func(*http.Request, []byte, net.Conn) error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read the first body: %v", err)
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("hijack: %v", err)
			return
		}
		defer conn.Close()
		for serve(r, body, conn) == nil {
			if r, err = http.ReadRequest(rw.Reader); err != nil {
				return
			}
			if body, err = io.ReadAll(r.Body); err != nil {
				t.Errorf("read a body: %v", err)
				return
			}
		}
	})}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		srv.Serve(l)
	}()
	t.Cleanup(func() {
		srv.Close()
		<-ended
	})
	return l.Addr().String()
}

// respond writes what go-micro v4 writes.
func respond(conn net.Conn, status int, header http.Header, body []byte) error {
	rsp := &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
	return rsp.Write(conn)
}

func TestClientTalksToANetHTTPPeer(t *testing.T) {
	addr := netHTTPPeer(t, func(r *http.Request, body []byte, conn net.Conn) error {
		if r.Method != http.MethodPost || r.URL.Path != "/" || r.Host == "" || len(r.TransferEncoding) > 0 {
			t.Errorf("the request is %s %s, host %q, transfer encoding %v", r.Method, r.URL, r.Host, r.TransferEncoding)
		}
		return respond(conn, http.StatusOK, r.Header, body)
	})
	c := dial(t, transport.NewHTTPTransport(), addr)
	for _, body := range []string{"hello", "", strings.Repeat("x", 100<<10)} {
		if m := exchange(t, c, body); string(m.Body) != body || m.Header["Micro-Id"] != "1" {
			t.Errorf("the reply to %d bytes has %d and the header %v", len(body), len(m.Body), m.Header)
		}
	}
}

// Improves on v4, where closing the body overwrites the error with nil.
func TestRefusalIsReturnedNotOverwrittenByBodyClose(t *testing.T) {
	addr := netHTTPPeer(t, func(_ *http.Request, body []byte, conn net.Conn) error {
		if string(body) == "fail" {
			return respond(conn, http.StatusInternalServerError, nil, []byte("an error occurred"))
		}
		return respond(conn, http.StatusOK, nil, body)
	})
	c := dial(t, transport.NewHTTPTransport(), addr)
	if err := c.Send(&transport.Message{Body: []byte("fail")}); err != nil {
		t.Fatal(err)
	}
	var m transport.Message
	if err := c.Recv(&m); err == nil || err.Error() != "500 Internal Server Error: an error occurred" {
		t.Errorf("the error is %v", err)
	}
	if m := exchange(t, c, "go on"); string(m.Body) != "go on" {
		t.Errorf("afterwards the reply is %q", m.Body)
	}
}

func TestNetHTTPClientIsServed(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(), echo)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodGet} {
		for _, path := range []string{"/", "/greeter/hello?x=y"} {
			for name, body := range map[string]io.Reader{"sized": strings.NewReader("hello"), "chunked": io.MultiReader(strings.NewReader("hello"))} {
				t.Run(method+path+"/"+name, func(t *testing.T) {
					r, err := http.NewRequest(method, "http://"+l.Addr()+path, body)
					if err != nil {
						t.Fatal(err)
					}
					r.Header.Set("Micro-ID", "7")
					rsp, err := client.Do(r)
					if err != nil {
						t.Fatal(err)
					}
					defer rsp.Body.Close()
					got, err := io.ReadAll(rsp.Body)
					if err != nil || rsp.StatusCode != 200 || string(got) != "hello" || rsp.Header.Get("Micro-ID") != "7" {
						t.Errorf("%s %q %v, the error %v", rsp.Status, got, rsp.Header, err)
					}
				})
			}
		}
	}
}

func TestCurlIsServed(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is not installed")
	}
	l := listen(t, transport.NewHTTPTransport(), echo)
	large := strings.Repeat("x", 2<<20) // curl expects a 100 before it sends this
	for name, tt := range map[string]struct {
		args []string
		body string
	}{
		"post":          {nil, "hello"},
		"large post":    {nil, large},
		"HTTP/1.0":      {[]string{"--http1.0"}, "hello"},
		"chunked":       {[]string{"-H", "Transfer-Encoding: chunked"}, "hello"},
		"http2 upgrade": {[]string{"--http2"}, "hello"},
		"http2":         {[]string{"--http2-prior-knowledge"}, "hello"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"-sS", "-m", "20", "--noproxy", "*", "--data-binary", "@-", "-H", "Connection: close"}, tt.args...)
			cmd := exec.Command(curl, append(args, "http://"+l.Addr()+"/")...)
			cmd.Stdin = strings.NewReader(tt.body)
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil || string(out) != tt.body {
				t.Errorf("%d bytes, the error %v: %s", len(out), err, stderr.String())
			}
		})
	}
}

func TestHTTP2IsServedInPieces(t *testing.T) {
	type piece struct {
		body, path, id string
	}
	pieces := make(chan piece, 10)
	l := listen(t, transport.NewHTTPTransport(transport.BuffSizeH2(4)), func(s transport.Socket) {
		var m transport.Message
		for {
			if err := s.Recv(&m); err != nil {
				if err != io.EOF {
					t.Errorf("the last error is %v", err)
				}
				break
			}
			pieces <- piece{string(m.Body), m.Header[":path"], m.Header["Micro-Id"]}
			if err := s.Send(&transport.Message{Header: map[string]string{"X-First": "1", ":status": "200"}, Body: m.Body}); err != nil {
				t.Errorf("send: %v", err)
			}
		}
		close(pieces)
	})
	client := h2cClient(t)
	r, err := http.NewRequest(http.MethodPost, "http://"+l.Addr()+"/pkg.Svc/Method", strings.NewReader("0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Micro-Id", "7")
	rsp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil || string(body) != "0123456789" || rsp.ProtoMajor != 2 || rsp.Header.Get("X-First") != "1" {
		t.Errorf("%s %q %v, the error %v", rsp.Proto, body, rsp.Header, err)
	}
	var all string
	for p := range pieces {
		if len(p.body) > 4 || p.path != "/pkg.Svc/Method" || p.id != "7" {
			t.Errorf("a piece is %+v", p)
		}
		all += p.body
	}
	if all != "0123456789" {
		t.Errorf("the pieces together are %q", all)
	}
}

func h2cClient(t *testing.T) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: protocols}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestHTTP2CloseUnblocksRecv(t *testing.T) {
	received := make(chan error, 1)
	l := listen(t, transport.NewHTTPTransport(), func(s transport.Socket) {
		var m transport.Message
		if err := s.Recv(&m); err != nil {
			t.Errorf("the first piece: %v", err)
		}
		go func() { received <- s.Recv(&m) }()
		s.Close()
		s.Close()
		if err := s.Send(&m); err != io.EOF {
			t.Errorf("Send after Close returns %v", err)
		}
		if err := <-received; err != io.EOF {
			t.Errorf("Recv during Close returns %v", err)
		}
	})
	body, feed := io.Pipe()
	go feed.Write([]byte("x"))
	r, err := http.NewRequest(http.MethodPost, "http://"+l.Addr()+"/", body)
	if err != nil {
		t.Fatal(err)
	}
	rsp, err := h2cClient(t).Do(r)
	if err == nil {
		rsp.Body.Close()
	}
	feed.Close()
}

func TestExtraHandlersAreServedBesideMessages(t *testing.T) {
	handlers := map[string]http.Handler{
		"/hello":       http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "web %v", r.TLS != nil) }),
		"GET /{$}":     http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "root") }),
		"POST /shadow": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "shadow") }),
	}
	withHandlers := func(o *transport.Options) {
		o.Context = context.WithValue(context.Background(), "http_handlers", handlers) //nolint:staticcheck // the key is a string
	}
	tr := transport.NewHTTPTransport(withHandlers)
	l := listen(t, tr, echo)
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for path, want := range map[string]string{"/hello": "web false", "/": "root"} {
		rsp, err := client.Get("http://" + l.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(rsp.Body)
		rsp.Body.Close()
		if string(body) != want {
			t.Errorf("%s gives %q, want %q", path, body, want)
		}
	}
	c := dial(t, tr, l.Addr())
	for range 2 {
		if m := exchange(t, c, "message"); string(m.Body) != "message" {
			t.Errorf("a message is answered with %q", m.Body)
		}
	}
	rsp, err := client.Post("http://"+l.Addr()+"/other", "text/plain", strings.NewReader("elsewhere"))
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	if body, _ := io.ReadAll(rsp.Body); string(body) != "elsewhere" {
		t.Errorf("a path without a handler gives %q", body)
	}
	if drainer, ok := l.(transport.Drainer); !ok || drainer.Drain() != nil {
		t.Error("the listener does not drain")
	}
}

func TestExtraHandlersAreServedOverTLS(t *testing.T) {
	handlers := map[string]http.Handler{
		"/hello": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "web %v", r.TLS != nil) }),
	}
	tr := transport.NewHTTPTransport(transport.Secure(true), func(o *transport.Options) {
		o.Context = context.WithValue(context.Background(), "http_handlers", handlers) //nolint:staticcheck // the key is a string
	})
	l := listen(t, tr, echo)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: insecure()}}
	defer client.CloseIdleConnections()
	rsp, err := client.Get("https://" + l.Addr() + "/hello")
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	if body, _ := io.ReadAll(rsp.Body); string(body) != "web true" {
		t.Errorf("the handler gives %q", body)
	}
}

func TestABadHandlerPatternIsAnError(t *testing.T) {
	for _, pattern := range []string{"/", "{", "/{x"} {
		tr := transport.NewHTTPTransport(func(o *transport.Options) {
			o.Context = context.WithValue(context.Background(), "http_handlers", map[string]http.Handler{pattern: http.NotFoundHandler()}) //nolint:staticcheck // the key is a string
		})
		l, err := tr.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err := l.Accept(echo); err == nil || !strings.Contains(err.Error(), "http_handlers") {
			t.Errorf("with the pattern %q Accept returns %v", pattern, err)
		}
	}
}

// Improves on v4, where a reply repeats the headers of the connection's first
// request, Authorization and Cookie among them.
func TestRepliesDoNotEchoRequestHeaders(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(), func(s transport.Socket) {
		var m transport.Message
		for s.Recv(&m) == nil {
			if s.Send(&transport.Message{Header: map[string]string{"Micro-Id": "9"}, Body: m.Body}) != nil {
				return
			}
		}
	})
	conn, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	for range 2 {
		fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: secret\r\nCookie: c=1\r\nMicro-Stream: 3\r\nContent-Length: 1\r\n\r\nx")
		rsp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, rsp.Body)
		rsp.Body.Close()
		for _, name := range []string{"Authorization", "Cookie", "Micro-Stream"} {
			if v := rsp.Header.Get(name); v != "" {
				t.Errorf("the reply carries %s: %s", name, v)
			}
		}
	}
}

func TestDialErrorsNameTheirCause(t *testing.T) {
	_, err := transport.NewHTTPTransport().Dial("no port")
	if err == nil || !errors.Is(err, transport.ErrNotSent) {
		t.Errorf("the error is %v", err)
	}
}

// Connections that net/http reads first are as bounded as the others.
func TestBodyThatStallsBesideExtraHandlersIsCutOff(t *testing.T) {
	t.Parallel()
	handlers := map[string]http.Handler{"/metrics": http.NotFoundHandler()}
	l := listen(t, transport.NewHTTPTransport(transport.Timeout(time.Second), quiet, func(o *transport.Options) {
		o.Context = context.WithValue(context.Background(), "http_handlers", handlers) //nolint:staticcheck // the key is a string
	}), echo)
	got := raw(t, l.Addr(), "POST /else HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhell", false)
	if !strings.HasPrefix(got, "HTTP/1.1 408 ") {
		t.Errorf("the answer is %q", got)
	}
	got = raw(t, l.Addr(), "POST /else HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\nhell", false)
	if !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("the answer is %q", got)
	}
}
