package httppost_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/justcy/go-micro/v4/internal/httppost"
)

// proxyChild marks the process of TestProxyChild: the environment's proxies are
// read once a process, and never used for this machine's own addresses.
const proxyChild = "HTTPPOST_PROXY_CHILD"

// TestProxyChild is the posting half of the test below.
func TestProxyChild(t *testing.T) {
	if os.Getenv(proxyChild) == "" {
		t.Skip("runs as a child of another test")
	}
	c := newClient(t)
	for range 2 {
		r := &httppost.Request{Addr: "target.test:99", Target: "/?id=1", ContentType: "text/plain", Body: []byte("hello")}
		resp, _, err := c.Post(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Printf("reply: %s\n", resp.Body)
	}
}

func TestProxyForwardsPlainRequests(t *testing.T) {
	requests := make(chan *http.Request, 2)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests <- r
		fmt.Fprint(w, "forwarded")
	}))
	defer proxy.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestProxyChild$", "-test.v")
	at := strings.Replace(proxy.URL, "http://", "http://user:secret@", 1)
	cmd.Env = append(os.Environ(), proxyChild+"=1", "HTTP_PROXY="+at, "NO_PROXY=", "no_proxy=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if n := strings.Count(string(out), "reply: forwarded\n"); n != 2 {
		t.Errorf("the child says %s", out)
	}
	first, second := <-requests, <-requests
	if first.RequestURI != "http://target.test:99/?id=1" || first.Host != "target.test:99" ||
		first.Header.Get("Proxy-Authorization") != "Basic dXNlcjpzZWNyZXQ=" {
		t.Errorf("the proxy is asked %s of %s with %v", first.RequestURI, first.Host, first.Header)
	}
	if first.RemoteAddr != second.RemoteAddr {
		t.Error("each request has its own connection")
	}
}
