package transport_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
)

// A body counts while it arrives, with the memory that it was given.
func TestBodiesThatArriveHoldNoMoreThanTheTotal(t *testing.T) {
	const body, arrives, fit, peers = 4 << 20, 1 << 20, 2, 6
	for name, c := range map[string]struct {
		path  string
		total int
		more  transport.Option
	}{
		"a message":                  {"/", fit*body + body/2, quiet}, // gets all of its memory soon
		"the first beside a handler": {"/other", fit*arrives + arrives/2, withHandler("/handler")},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, transport.NewHTTPTransport(quiet, transport.MaxMessageSize(body), transport.MaxTotalBytes(c.total), c.more), echo)
			path := c.path
			answers := make(chan int, peers)
			for range peers {
				c, err := net.Dial("tcp", l.Addr())
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				go func() {
					fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", path, body)
					c.Write(make([]byte, arrives))
					if rsp, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
						answers <- rsp.StatusCode
					}
				}()
			}
			for i := range peers - fit {
				select {
				case status := <-answers:
					if status != http.StatusServiceUnavailable {
						t.Errorf("answer %d has status %d", i, status)
					}
				case <-time.After(testkit.Patience):
					t.Fatalf("%d of %d are refused", i, peers-fit)
				}
			}
		})
	}
}
