package broker_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/broker"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/registry"
)

// begin sends the head of a POST that promises size bytes.
func (r *receiver) begin(t testing.TB, id string, size int) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", r.node.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * testkit.Patience)); err != nil { // for all requests of a test
		t.Fatal(err)
	}
	head := fmt.Sprintf("POST /?id=%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", url.QueryEscape(id), size)
	if _, err := c.Write([]byte(head)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestABodyForNoSubscriptionIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, new(log).handle)
	for _, id := range []string{"", "unknown"} {
		c := r.begin(t, id, 16<<20)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("id %q: no reply to an unfinished request: %v", id, err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Micro-Broker-Result") != "unknown" {
			t.Errorf("id %q: %s, %v", id, resp.Status, resp.Header)
		}
	}
}

func TestBytesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	var got log
	r := newReceiver(t, got.handle)
	const each = 4 << 20
	part := []byte(strings.Repeat(" ", each))
	var conns []net.Conn
	refused := make(chan string, 32)
	for range cap(refused) { // 128 MiB
		c := r.begin(t, r.node.Id, each+1)
		conns = append(conns, c)
		go func() { _, _ = c.Write(part) }() // of which the broker may not take all
		go func() {
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				refused <- "" // closed by this test
				return
			}
			resp.Body.Close()
			refused <- resp.Status
		}()
	}
	for range 16 { // 64 MiB are allowed
		if status := <-refused; !strings.HasPrefix(status, "503") {
			t.Fatalf("an unfinished request was answered %q", status)
		}
	}
	for _, c := range conns {
		c.Close()
	}
	testkit.Eventually(t, "there is room again", func() bool {
		status, _ := r.post(t, "POST", r.node.Id, encoded("topic", "hi"))
		return status == http.StatusOK
	})
	if len(got.got()) == 0 {
		t.Error("the message that was accepted was not handled")
	}
}

func TestAConnectionOverTheLimitWaitsUntilAnotherEnds(t *testing.T) {
	t.Parallel()
	b := broker.NewBroker(broker.Registry(registry.NewMemoryRegistry()), broker.Addrs("127.0.0.1:0"))
	broker.LimitConns(b, 1)
	connect(t, b)
	ask := func() net.Conn {
		c, err := net.Dial("tcp", b.Address())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		return c
	}
	answered := func(c net.Conn, within time.Duration) bool {
		if err := c.SetReadDeadline(time.Now().Add(within)); err != nil {
			t.Fatal(err)
		}
		_, err := c.Read(make([]byte, 1))
		return err == nil
	}
	first := ask()
	if !answered(first, testkit.Patience) {
		t.Fatal("the first connection is not served")
	}
	second := ask()
	if answered(second, time.Second) {
		t.Error("a second connection is served")
	}
	first.Close()
	if !answered(second, testkit.Patience) {
		t.Error("the second connection is not served when the first has ended")
	}
}
