package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/server"
	"github.com/justcy/go-micro/v4/transport"
)

// All connections of a server together make it hold no more than MaxTotalBytes,
// whatever they speak. What is over is refused with 503, and what was held is given
// back.
func TestAllConnectionsTogetherHoldNoMoreThanTheTotal(t *testing.T) {
	t.Parallel()
	const body, total, callers = 256 << 10, 1<<20 + 64<<10, 12
	for name, post := range map[string]func(t *testing.T, s server.Server) func(size int) error{
		"multiplexed": func(t *testing.T, s server.Server) func(int) error {
			return caller(t, s, transport.NewHTTPTransport())
		},
		"HTTP/1.1": func(t *testing.T, s server.Server) func(int) error {
			return caller(t, s, transport.NewHTTPTransport(transport.DisableMux()))
		},
		"HTTP/1.1 of the web": func(t *testing.T, s server.Server) func(int) error {
			web := &http.Transport{DisableKeepAlives: true}
			return poster(&http.Client{Transport: web}, s)
		},
		"HTTP/2": func(t *testing.T, s server.Server) func(int) error {
			return poster(http2Client(t), s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEcho()
			s := newServer(t, server.Transport(transport.NewHTTPTransport(transport.MaxMessageSize(2*body), transport.MaxTotalBytes(total))))
			handle(t, s, e)
			start(t, s)
			call := post(t, s)
			var refused atomic.Int32
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					switch err := call(body); {
					case err == nil:
					case strings.Contains(err.Error(), "held for all connections"):
						refused.Add(1)
					default:
						t.Error(err)
					}
				})
			}
			testkit.Eventually(t, "each call is held or refused", func() bool { return int(refused.Load())+len(e.entered) == callers })
			if held := len(e.entered); held == 0 || held*body > total {
				t.Errorf("%d calls of %d bytes are held, of %d bytes in all", held, body, total)
			}
			close(e.release)
			all.Wait()
			for i := range callers {
				if err := call(body); err != nil {
					t.Fatalf("call %d after the others have ended: %v", i, err)
				}
			}
		})
	}
}

// What opens a stream is forgotten, and counted no longer, when the stream has begun.
func TestWhatOpensAStreamIsNotHeldWhileItLasts(t *testing.T) {
	const body, total, streams = 256 << 10, 1 << 20, 20
	limit := transport.MaxTotalBytes(total)
	for name, tr := range map[string]transport.Transport{
		"multiplexed": transport.NewHTTPTransport(limit),
		"HTTP/1.1":    transport.NewHTTPTransport(limit, transport.DisableMux()),
		"memory":      transport.NewMemoryTransport(limit),
	} {
		t.Run(name, func(t *testing.T) {
			entered := make(chan struct{})
			s := newServer(t, server.Transport(tr))
			handle(t, s, newEcho(), newStreams(func(ctx context.Context, _ server.Stream) error {
				entered <- struct{}{}
				<-ctx.Done()
				return nil
			}))
			start(t, s)
			c := newCaller(t, s)
			to := client.WithAddress(s.Options().Address)
			if err := c.Call(t.Context(), c.NewRequest("test", "Echo.Call", &Text{}), &Text{}, to); err != nil {
				t.Fatal(err)
			}
			for i := range streams {
				stream, err := c.Stream(t.Context(), c.NewRequest("test", "Streams.Do", &Text{strings.Repeat("x", body)}, client.StreamingRequest()), to)
				if err != nil {
					t.Fatalf("stream %d: %v", i, err)
				}
				defer stream.Close()
				refused := make(chan error, 1)
				go func() { refused <- stream.Recv(&Text{}) }()
				select {
				case <-entered:
				case err := <-refused:
					t.Fatalf("stream %d: %v", i, err)
				case <-time.After(testkit.Patience):
					t.Fatalf("stream %d does not begin", i)
				}
			}
		})
	}
}

// caller returns what calls with text of some size, each on a client of its own.
func caller(t *testing.T, s server.Server, tr transport.Transport) func(size int) error {
	return func(size int) error {
		c := client.NewClient(client.Transport(tr), client.Registry(s.Options().Registry), client.ContentType("application/json"),
			client.Retries(0), client.RequestTimeout(testkit.Patience))
		defer c.(io.Closer).Close()
		return c.Call(t.Context(), c.NewRequest("test", "Echo.Wait", &Text{strings.Repeat("x", size)}), &Text{})
	}
}

// poster returns what posts text of some size.
func poster(c *http.Client, s server.Server) func(size int) error {
	return func(size int) error {
		body := fmt.Appendf(nil, `{"text":%q}`, strings.Repeat("x", size))
		req, err := http.NewRequest(http.MethodPost, "http://"+s.Options().Address+"/", bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Micro-Service", "test")
		req.Header.Set("Micro-Endpoint", "Echo.Wait")
		rsp, err := c.Do(req)
		if err != nil {
			return err
		}
		defer rsp.Body.Close()
		text, err := io.ReadAll(rsp.Body)
		if rsp.StatusCode != http.StatusOK || rsp.Header.Get("Micro-Error") != "" {
			return fmt.Errorf("%s: %s %s", rsp.Status, rsp.Header.Get("Micro-Error"), text)
		}
		return err
	}
}
