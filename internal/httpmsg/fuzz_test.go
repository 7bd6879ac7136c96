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

// What this parser accepts must mean the same to net/http: another parser that
// sees another message is how requests are smuggled.

func FuzzRequest(f *testing.F) {
	for _, s := range []string{
		"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
		"POST /x?y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n",
		"\r\nOPTIONS * HTTP/1.1\r\nhost: a\r\nmicro-id: \t7 \r\nConnection: close, x\r\nExpect: 100-continue\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		h, body, err := request(newReader(strings.NewReader(raw)))
		if err != nil {
			if errors.Is(err, io.ErrUnexpectedEOF) && httpmsg.NewReader(nil, []byte(raw)).Whole() {
				t.Error("a part of a message is taken for the whole")
			}
			return
		}
		other, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.TrimPrefix(raw, "\r\n"))))
		if err != nil {
			if strings.Contains(err.Error(), "parse ") || strings.Contains(err.Error(), "Host") {
				return // net/http also judges the target and the host, of which nothing here depends
			}
			t.Fatalf("net/http refuses what was accepted: %v", err)
		}
		if other.Method != h.Method {
			t.Errorf("the method is %q, to net/http %q", h.Method, other.Method)
		}
		sameMessage(t, h, body, other.Header, other.Body)
	})
}

func FuzzResponse(f *testing.F) {
	for _, s := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
		"HTTP/1.0 500 Internal Server Error\r\nMicro-Error: x\r\n\r\nhello",
		"HTTP/1.1 204 No Content\r\n\r\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		h, body, err := response(newReader(strings.NewReader(raw)))
		if err != nil || h.Status == http.StatusSwitchingProtocols {
			return
		}
		in := bufio.NewReader(strings.NewReader(strings.TrimPrefix(raw, "\r\n")))
		post := &http.Request{Method: http.MethodPost}
		other, err := http.ReadResponse(in, post)
		for err == nil && other.StatusCode < 200 {
			other, err = http.ReadResponse(in, post)
		}
		if err != nil {
			t.Fatalf("net/http refuses what was accepted: %v", err)
		}
		if other.StatusCode != h.Status {
			t.Errorf("the status is %d, to net/http %d", h.Status, other.StatusCode)
		}
		sameMessage(t, h, body, other.Header, other.Body)
	})
}

// FuzzChunked reads bodies behind a fixed head.
func FuzzChunked(f *testing.F) {
	for _, s := range []string{
		"5\r\nhello\r\n0\r\n\r\n", "5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n", "0\r\n\r\n", "00005 \r\nhello\r\n000\r\n\r\n", "3e8\r\n",
	} {
		f.Add(s)
	}
	const head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	f.Fuzz(func(t *testing.T, raw string) {
		h, body, err := request(newReader(strings.NewReader(head + raw)))
		if err != nil {
			return
		}
		other, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + raw)))
		if err != nil {
			t.Fatal(err)
		}
		sameMessage(t, h, body, other.Header, other.Body)
	})
}

// sameMessage compares what was read with what net/http read.
func sameMessage(t *testing.T, h *httpmsg.Head, body string, header http.Header, rest io.Reader) {
	t.Helper()
	want, err := io.ReadAll(rest)
	if err != nil {
		t.Fatalf("net/http refuses the body %q that was accepted: %v", body, err)
	}
	if string(want) != body {
		t.Errorf("the body is %q, to net/http %q", body, want)
	}
	for name, value := range h.Header {
		if name == "Connection" || name == "Trailer" {
			continue // taken out or put in by one of the two
		}
		if got := header.Get(name); got != value {
			t.Errorf("%s is %q, to net/http %q", name, value, got)
		}
	}
}

// FuzzHeader writes a header and reads it back, here and with net/http.
func FuzzHeader(f *testing.F) {
	f.Add("Micro-Error", `{"detail":"x"}`)
	f.Add("a\r\nb", "c\r\nd: e")
	f.Add("connection", "close")
	f.Fuzz(func(t *testing.T, name, value string) {
		raw := string(httpmsg.AppendRequest(nil, "a", "", map[string]string{name: value}, 1)) + "x"
		if len(raw) > httpmsg.MaxHead {
			return
		}
		h, body, err := request(newReader(strings.NewReader(raw)))
		if err != nil || body != "x" || len(h.Header) > 1 {
			t.Fatalf("%q is read as %+v with body %q, the error %v", raw, h, body, err)
		}
		other, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", raw, err)
		}
		sameMessage(t, h, body, other.Header, other.Body)
	})
}
