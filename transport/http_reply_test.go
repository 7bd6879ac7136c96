package transport_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/transport"
)

// ask sends a request on a connection and reads the response, which must leave
// the connection where the next one begins.
func ask(t *testing.T, conn net.Conn, in *bufio.Reader, method, target, body string) (*http.Response, string) {
	t.Helper()
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", method, target, len(body), body)
	return answer(t, in, method)
}

// answer reads the response to a request.
func answer(t *testing.T, in *bufio.Reader, method string) (*http.Response, string) {
	t.Helper()
	rsp, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	got, err := io.ReadAll(rsp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rsp, string(got)
}

// connect opens a connection for requests in bytes.
func connect(t *testing.T, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return conn, bufio.NewReader(conn)
}

// constant answers every message with the same one.
func constant(header map[string]string, body string) func(transport.Socket) {
	return func(s transport.Socket) {
		var m transport.Message
		for s.Recv(&m) == nil {
			if s.Send(&transport.Message{Header: header, Body: []byte(body)}) != nil {
				return
			}
		}
	}
}

func TestTheResponseToAHeadHasNoBody(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(quiet), constant(map[string]string{"X-Reply": "1"}, "hello"))
	conn, in := connect(t, l.Addr())
	for _, method := range []string{"HEAD", "POST", "HEAD", "HEAD", "GET"} {
		rsp, body := ask(t, conn, in, method, "/", "")
		want := "hello"
		if method == "HEAD" {
			want = ""
		}
		if body != want || rsp.ContentLength != 5 || rsp.StatusCode != 200 || rsp.Header.Get("X-Reply") != "1" {
			t.Errorf("%s is answered with %q, %s %v", method, body, rsp.Status, rsp.Header)
		}
	}
}

func TestAPipelinedHeadTakesNoOtherResponsesBody(t *testing.T) {
	answerNow := make(chan struct{})
	l := listen(t, transport.NewHTTPTransport(quiet), func(s transport.Socket) {
		var m transport.Message
		for range 3 {
			if err := s.Recv(&m); err != nil {
				t.Error(err)
			}
		}
		<-answerNow
		for range 3 {
			s.Send(&transport.Message{Body: []byte("hello")})
		}
		s.Recv(&m)
	})
	conn, in := connect(t, l.Addr())
	const tail = " / HTTP/1.1\r\nHost: a\r\n\r\n"
	io.WriteString(conn, "POST"+tail+"HEAD"+tail+"GET"+tail)
	close(answerNow)
	for _, method := range []string{"POST", "HEAD", "GET"} {
		if _, body := answer(t, in, method); (body == "hello") == (method == "HEAD") {
			t.Errorf("%s is answered with %q", method, body)
		}
	}
}

func TestAPageThatDoesNotExistIsNotFound(t *testing.T) {
	for name, opts := range map[string][]transport.Option{
		"messages alone":  {quiet},
		"beside handlers": {quiet, withHandler("/metrics/")},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, transport.NewHTTPTransport(opts...), echo)
			conn, in := connect(t, l.Addr())
			for range 2 {
				for _, method := range []string{"GET", "HEAD"} {
					for _, target := range []string{"/nope", "/nope/?x=y", "http://a/nope"} {
						rsp, body := ask(t, conn, in, method, target, "")
						if rsp.StatusCode != 404 || (method == "GET") == (body == "") || rsp.ContentLength <= 0 && method == "GET" {
							t.Errorf("%s %s is answered with %s %q", method, target, rsp.Status, body)
						}
					}
				}
			}
			if rsp, body := ask(t, conn, in, "POST", "/nope", "message"); body != "message" || rsp.StatusCode != 200 {
				t.Errorf("a message is answered with %s %q", rsp.Status, body)
			}
		})
	}
}

func TestAPageThatDoesNotExistIsNotFoundOverHTTP2(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(quiet), echo)
	for _, method := range []string{"GET", "HEAD"} {
		r, err := http.NewRequest(method, "http://"+l.Addr()+"/nope", nil)
		if err != nil {
			t.Fatal(err)
		}
		rsp, err := h2cClient(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(rsp.Body)
		rsp.Body.Close()
		if rsp.StatusCode != 404 || (method == "GET") == (len(body) == 0) {
			t.Errorf("%s is answered with %s %q", method, rsp.Status, body)
		}
	}
}

// What names an endpoint or a topic is a message whatever its method and path,
// as it is for go-micro v4.
func TestAGetThatIsAddressedIsAMessage(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(quiet), constant(nil, "reply"))
	for _, name := range []string{"Micro-Endpoint", "x-micro-service", "micro-topic"} {
		conn, in := connect(t, l.Addr())
		fmt.Fprintf(conn, "GET /greeter HTTP/1.1\r\nHost: a\r\n%s: x\r\n\r\n", name)
		if rsp, body := answer(t, in, "GET"); rsp.StatusCode != 200 || body != "reply" {
			t.Errorf("%s: %s %q", name, rsp.Status, body)
		}
	}
}

func TestAReplyHasTheStatusItAsksFor(t *testing.T) {
	status := map[string]string{":status": "404", "Content-Type": "application/json"}
	const detail = `{"code":404}`
	for _, form := range []struct {
		name   string
		opts   []transport.Option
		client *http.Client
	}{
		{"HTTP", nil, &http.Client{Transport: &http.Transport{}}},
		{"HTTP beside handlers", []transport.Option{withHandler("GET /{$}")}, &http.Client{Transport: &http.Transport{}}},
		{"HTTP/2", nil, h2cClient(t)},
	} {
		t.Run(form.name, func(t *testing.T) {
			l := listen(t, transport.NewHTTPTransport(append(form.opts, quiet)...), constant(status, detail))
			defer form.client.CloseIdleConnections()
			for range 2 {
				rsp, err := form.client.Post("http://"+l.Addr()+"/", "application/json", strings.NewReader("{}"))
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(rsp.Body)
				rsp.Body.Close()
				if err != nil || rsp.StatusCode != 404 || string(body) != detail || rsp.Header.Get("Content-Type") != "application/json" {
					t.Errorf("%s %q %v, the error %v", rsp.Status, body, rsp.Header, err)
				}
			}
		})
	}
}

// Where there are no statuses the pseudo header does not travel.
func TestAStatusStaysWithinHTTP(t *testing.T) {
	for _, form := range wireForms()[1:3] {
		t.Run(form.name, func(t *testing.T) {
			tr := form.make()
			l := listen(t, tr, constant(map[string]string{":status": "404"}, "reply"))
			c := dial(t, tr, l.Addr(), form.dial...)
			for range 2 {
				if m := exchange(t, c, "hello"); string(m.Body) != "reply" || m.Header[":status"] != "" {
					t.Errorf("the reply is %q %v", m.Body, m.Header)
				}
			}
		})
	}
}

// A connection is served either by the socket or by the extra handlers. One that
// began with the message of a strange client must not keep it from the handlers.
func TestAClientThatPostsReachesTheHandlersAfterwards(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "page") })
	for name, handlers := range map[string]map[string]http.Handler{
		"a path alone":       {"/page": page},
		"the root, for GETs": {"/page": page, "GET /{$}": page},
	} {
		t.Run(name, func(t *testing.T) {
			tr := transport.NewHTTPTransport(quiet, withHandlers(handlers))
			l := listen(t, tr, echo)
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for range 2 {
				rsp, err := client.Post("http://"+l.Addr()+"/", "text/plain", strings.NewReader("message"))
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(rsp.Body)
				rsp.Body.Close()
				if string(body) != "message" {
					t.Errorf("the message is answered with %s %q", rsp.Status, body)
				}
				if rsp, err = client.Get("http://" + l.Addr() + "/page"); err != nil {
					t.Fatal(err)
				}
				body, _ = io.ReadAll(rsp.Body)
				rsp.Body.Close()
				if string(body) != "page" {
					t.Errorf("the handler's path is answered with %s %q", rsp.Status, body)
				}
			}
		})
	}
}
