package transport_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/transport"
)

func TestNamesAndValuesObeyOneRuleOnEveryWireForm(t *testing.T) {
	evil := map[string]string{
		"Evil Name\r\nX": "y", "": "empty", "a b": "blank", "nul\x00": "z", ":": "p", ":a b": "q", "ü": "umlaut",
		"X-Value": "a\r\nSet-Cookie: x\x00", "X-Blank": " \t b\n", "X-Text": "größer\tals",
	}
	want := map[string]string{"X-Value": "a  Set-Cookie: x", "X-Blank": "b", "X-Text": "größer\tals"}
	for _, form := range wireForms() {
		t.Run(form.name, func(t *testing.T) {
			tr := form.make()
			received := make(chan map[string]string, 4)
			l := listen(t, tr, func(s transport.Socket) {
				var m transport.Message
				for s.Recv(&m) == nil {
					received <- m.Header
					if s.Send(&transport.Message{Header: evil}) != nil {
						return
					}
				}
			})
			c := dial(t, tr, l.Addr(), form.dial...)
			for range 2 { // the second message may travel as a difference
				if err := c.Send(&transport.Message{Header: evil}); err != nil {
					t.Fatal(err)
				}
				wantHeader(t, "request", <-received, want)
				var m transport.Message
				if err := c.Recv(&m); err != nil {
					t.Fatal(err)
				}
				wantHeader(t, "response", m.Header, want)
			}
		})
	}
}

func wantHeader(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("the %s has %s %q, want %q", what, name, got[name], value)
		}
	}
	for name, value := range got {
		if want[name] == "" && name != "Connection" && name != "User-Agent" {
			t.Errorf("the %s has %q: %q as well", what, name, value)
		}
	}
}

func TestHTTP2ResponseHeadersObeyTheSameRule(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(quiet), func(s transport.Socket) {
		var m transport.Message
		if s.Recv(&m) == nil {
			s.Send(&transport.Message{Header: map[string]string{
				"Evil Name\r\nX": "y", "X-Value": "a\r\nSet-Cookie: x\x00", "content-length": "9", "host": "b",
				"Trailer": "X-Last", "x-last": "c\nd",
			}, Body: m.Body})
		}
	})
	rsp, err := h2cClient(t).Post("http://"+l.Addr()+"/", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil || string(body) != "hello" {
		t.Errorf("the body is %q, the error %v", body, err)
	}
	if got := rsp.Header.Get("X-Value"); got != "a  Set-Cookie: x" {
		t.Errorf("X-Value is %q", got)
	}
	if got := rsp.Trailer.Get("X-Last"); got != "c d" {
		t.Errorf("X-Last is %q", got)
	}
	for _, name := range []string{"Set-Cookie", "Host", "X"} {
		if v, ok := rsp.Header[name]; ok {
			t.Errorf("%s is %q", name, v)
		}
	}
}

// The path of an HTTP/2 request is delivered unescaped, as a header.
func TestAPathWithALineBreakReachesNobody(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(quiet), func(s transport.Socket) {
		t.Error("the request was delivered")
	})
	for _, path := range []string{"/a%0d%0ab", "/%00"} {
		rsp, err := h2cClient(t).Post("http://"+l.Addr()+path, "text/plain", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		rsp.Body.Close()
		if rsp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s is answered with %s", path, rsp.Status)
		}
	}
}
