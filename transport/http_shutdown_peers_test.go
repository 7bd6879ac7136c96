package transport_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
)

// A plain peer that reads slowly, and goes on sending, gets what was sent to it
// before the listener ended.
func TestShutdownLetsPeersHaveWhatWasSent(t *testing.T) {
	testkit.NoLeaks(t)
	const size = 8 << 20
	l, err := transport.NewHTTPTransport(quiet).Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	replied := make(chan struct{})
	serve(t, l, func(s transport.Socket) {
		var m transport.Message
		for s.Recv(&m) == nil {
			if string(m.Body) == "first" {
				if err := l.(transport.Drainer).Drain(); err != nil {
					t.Error(err)
				}
				go func() {
					defer close(replied)
					if err := s.Send(&transport.Message{Body: []byte("x")}); err != nil {
						t.Errorf("send: %v", err)
					}
					if err := s.Send(&transport.Message{Body: make([]byte, size)}); err != nil {
						t.Errorf("send: %v", err)
					}
				}()
			}
		}
	})
	c, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, body := range []string{"first", "more", "and more"} {
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: "+string(rune('0'+len(body)))+"\r\n\r\n"+body); err != nil {
			t.Fatal(err)
		}
	}
	const some = 64 << 10 // more than the first reply: the second is under way
	if _, err := io.ReadFull(c, make([]byte, some)); err != nil {
		t.Fatal(err)
	}
	got := make(chan int, 1)
	go func() {
		b, err := io.ReadAll(c)
		if err != nil {
			t.Errorf("the peer reads %v", err)
		}
		got <- some + len(b)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), testkit.Patience)
	defer cancel()
	if err := l.(transport.Shutdowner).Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	<-replied
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if n := <-got; n < size {
		t.Errorf("the peer has got %d bytes of more than %d", n, size)
	}
}

func TestShutdownEndsWithItsContext(t *testing.T) {
	testkit.NoLeaks(t)
	l, err := transport.NewHTTPTransport(quiet).Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sending := make(chan struct{})
	ended := make(chan error, 1)
	serve(t, l, func(s transport.Socket) {
		_ = s.Recv(new(transport.Message))
		close(sending)
		ended <- s.Send(&transport.Message{Body: make([]byte, 16<<20)}) // nobody reads it
	})
	c, err := net.Dial("tcp", l.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-sending
	if _, err := io.ReadFull(c, make([]byte, 64<<10)); err != nil { // Send is at work
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.(transport.Shutdowner).Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("the Send that nobody reads has succeeded")
	}
	if err := l.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestShutdownWaitsForHTTP2(t *testing.T) {
	work := newLateReply()
	client := h2cClient(t)
	shutDownDuring(t, work, client, "/", func(s transport.Socket) {
		_ = s.Recv(new(transport.Message))
		work.do()
		_ = s.Send(&transport.Message{Body: []byte("late")})
	}, quiet)
}

func TestShutdownWaitsForExtraHandlers(t *testing.T) {
	work := newLateReply()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	handlers := map[string]http.Handler{"/page": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		work.do()
		_, _ = io.WriteString(w, "late")
	})}
	shutDownDuring(t, work, client, "/page", echo, quiet, func(o *transport.Options) {
		o.Context = context.WithValue(context.Background(), "http_handlers", handlers) //nolint:staticcheck // the key is a string
	})
}

// lateReply is the work for a reply that ends when the test says so.
type lateReply struct{ entered, release chan struct{} }

func newLateReply() *lateReply { return &lateReply{make(chan struct{}), make(chan struct{})} }

func (w *lateReply) do() {
	close(w.entered)
	<-w.release
}

// shutDownDuring shuts a listener down while a request is at work, lets that
// end when the listener refuses connections, and expects its reply.
func shutDownDuring(t *testing.T, work *lateReply, client *http.Client, path string, fn func(transport.Socket), opts ...transport.Option) {
	l, err := transport.NewHTTPTransport(opts...).Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, fn)
	got := make(chan string, 1)
	go func() { got <- post(client, "http://"+l.Addr()+path) }()
	<-work.entered
	done := make(chan error, 1)
	go func() { done <- l.(transport.Shutdowner).Shutdown(t.Context()) }()
	testkit.Eventually(t, "the end of accepting", func() bool {
		c, err := net.Dial("tcp", l.Addr())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	close(work.release)
	if body := <-got; body != "late" {
		t.Errorf("the reply is %q", body)
	}
	if err := <-done; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

// post returns the body of the reply, or the text of the error.
func post(client *http.Client, url string) string {
	rsp, err := client.Post(url, "text/plain", strings.NewReader("x"))
	if err != nil {
		return err.Error()
	}
	defer rsp.Body.Close()
	body, err := io.ReadAll(rsp.Body)
	if err != nil {
		return err.Error()
	}
	return string(body)
}
