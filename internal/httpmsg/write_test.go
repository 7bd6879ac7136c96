package httpmsg_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/httpmsg"
)

func TestRequestsHaveTheFramingAndTheHeadersGiven(t *testing.T) {
	for name, tt := range map[string]struct {
		extra  string
		header map[string]string
		want   string
	}{
		"no headers": {"", nil, "POST / HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\nhello"},
		"a header in canonical spelling": {"", map[string]string{"Micro-ID": "7"},
			"POST / HTTP/1.1\r\nHost: a:1\r\nMicro-Id: 7\r\nContent-Length: 5\r\n\r\nhello"},
		"a lower-case header": {"", map[string]string{"x-micro-service": "s"},
			"POST / HTTP/1.1\r\nHost: a:1\r\nX-Micro-Service: s\r\nContent-Length: 5\r\n\r\nhello"},
		"the end of the connection": {httpmsg.ConnectionClose, map[string]string{"Connection": "close"},
			"POST / HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"},
		"the end by header": {"", map[string]string{"connection": "Close"},
			"POST / HTTP/1.1\r\nHost: a:1\r\nConnection: Close\r\nContent-Length: 5\r\n\r\nhello"},
		"framing headers are not the caller's": {"", map[string]string{
			"Host": "b", "Content-Length": "9", "Transfer-Encoding": "chunked", "Trailer": "X", "Expect": "100-continue",
			"Connection": "upgrade", "Upgrade": "x",
		}, "POST / HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\nhello"},
		"names that are none": {"", map[string]string{"": "a", "a b": "c", ":path": "/x", "X\r\nY": "z", "ü": "u"},
			"POST / HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\nhello"},
		"line breaks in a value": {"", map[string]string{"Micro-Error": " a\r\nb\x00c\n"},
			"POST / HTTP/1.1\r\nHost: a:1\r\nMicro-Error: a  b c\r\nContent-Length: 5\r\n\r\nhello"},
		"text outside ASCII": {"", map[string]string{"Micro-Error": "größer"},
			"POST / HTTP/1.1\r\nHost: a:1\r\nMicro-Error: größer\r\nContent-Length: 5\r\n\r\nhello"},
	} {
		t.Run(name, func(t *testing.T) {
			got := append(httpmsg.AppendRequest(nil, "a:1", tt.extra, tt.header, 5), "hello"...)
			if string(got) != tt.want {
				t.Errorf("the request is\n%q, want\n%q", got, tt.want)
			}
			if _, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(got)))); err != nil {
				t.Errorf("net/http does not read it: %v", err)
			}
		})
	}
}

func TestAPostHasItsTargetAndHeaders(t *testing.T) {
	got := string(httpmsg.AppendPost(nil, "/x?id=a%2Fb", "a:1", "X: y\r\n", nil, 0))
	want := "POST /x?id=a%2Fb HTTP/1.1\r\nHost: a:1\r\nX: y\r\nContent-Length: 0\r\n\r\n"
	if got != want {
		t.Errorf("the request is %q, want %q", got, want)
	}
}

func TestAResponseSaysItsLength(t *testing.T) {
	got := string(httpmsg.AppendResponse(nil, "", map[string]string{"Content-Type": "application/json"}, 0))
	want := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n"
	if got != want {
		t.Errorf("the response is %q, want %q", got, want)
	}
}

func TestAResponseHasTheStatusItAsksFor(t *testing.T) {
	for status, want := range map[string]string{
		"404": "404 Not Found", "200": "200 OK", "599": "599 ", "503": "503 Service Unavailable",
		"": "200 OK", "204": "200 OK", "304": "200 OK", "101": "200 OK", "600": "200 OK", "4o4": "200 OK", "404\r\nX: y": "200 OK",
	} {
		got := string(httpmsg.AppendResponse(nil, "", map[string]string{":status": status}, 0))
		if got != "HTTP/1.1 "+want+"\r\nContent-Length: 0\r\n\r\n" {
			t.Errorf("with status %q the response is %q", status, got)
		}
	}
}

func TestAnErrorClosesTheConnection(t *testing.T) {
	got := string(httpmsg.AppendError(nil, 413, "too much"))
	want := "HTTP/1.1 413 Request Entity Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n" +
		"Connection: close\r\nContent-Length: 9\r\n\r\ntoo much\n"
	if got != want {
		t.Errorf("the response is %q, want %q", got, want)
	}
}

// shortWriter takes so many bytes and then fails.
type shortWriter struct {
	room int
	got  []byte
}

func (w *shortWriter) Write(p []byte) (int, error) {
	n := min(len(p), w.room)
	w.got = append(w.got, p[:n]...)
	w.room -= n
	if n < len(p) {
		return n, io.ErrClosedPipe
	}
	return n, nil
}

func TestWriteTellsWhetherTheWholeMessageLeft(t *testing.T) {
	for _, size := range []int{0, 10, 100 << 10} {
		body := make([]byte, size)
		for _, room := range []int{0, 3, 4, 4 + size - 1, 4 + size} {
			if room < 0 || room > 4+size {
				continue
			}
			head := []byte("head")
			w := &shortWriter{room: room}
			whole, err := httpmsg.Write(w, &head, body)
			if want := room == 4+size; whole != want || (err == nil) != want {
				t.Errorf("a body of %d with room for %d: whole is %v, the error %v", size, room, whole, err)
			}
			if err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("the error is %v", err)
			}
		}
	}
}
