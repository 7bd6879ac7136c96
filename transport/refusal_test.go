package transport_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/transport"
)

// httpForms are the wire forms in which a connection begins with an HTTP request.
func httpForms() []wireForm {
	return slices.DeleteFunc(wireForms(), func(f wireForm) bool { return f.name == "memory" || f.name == "multiplexed TLS" })
}

// The peer refuses a message before it has read all of it, and closes the
// connection. The write fails; why is in the response that was sent before.
func TestAMessageTooLargeForThePeerIsToldAsThat(t *testing.T) {
	for _, form := range httpForms() {
		for _, size := range []int{2 << 20, 12 << 20} {
			t.Run(fmt.Sprint(form.name, " ", size>>20), func(t *testing.T) {
				l := listen(t, form.make(transport.MaxMessageSize(1<<20)), echo)
				c := dial(t, form.make(), l.Addr(), append(form.dial, transport.WithStream())...)
				err := c.Send(&transport.Message{Body: make([]byte, size)})
				if err == nil { // all of it fitted into the buffers on the way
					err = c.Recv(new(transport.Message))
				}
				wantRefusal(t, err)
				wantRefusal(t, c.Recv(new(transport.Message)))
				if c.(transport.Reuser).Reusable() {
					t.Error("the connection is reusable")
				}
				if err := c.Send(&transport.Message{}); errors.Is(err, transport.ErrMessageTooLarge) {
					t.Errorf("the next message is blamed: %v", err)
				}
			})
		}
	}
}

func wantRefusal(t *testing.T, err error) {
	t.Helper()
	var refused *transport.StatusError
	if !errors.As(err, &refused) || refused.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("the error is %v", err)
	}
	if !errors.Is(err, transport.ErrMessageTooLarge) || errors.Is(err, transport.ErrNotSent) {
		t.Errorf("the error %v is told as too large: %v, as not sent: %v", err,
			errors.Is(err, transport.ErrMessageTooLarge), errors.Is(err, transport.ErrNotSent))
	}
}

// refuser accepts connections, reads so much of a request and sends an answer
// before it closes the connection with the rest unread.
func refuser(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			io.ReadFull(conn, make([]byte, 1000))
			io.WriteString(conn, answer)
			conn.Close()
		}
	}()
	return l.Addr().String()
}

func TestAnyEarlyRefusalReachesTheSender(t *testing.T) {
	large := &transport.Message{Body: make([]byte, 16<<20)}
	for _, status := range []int{400, 404, 408, 417, 431, 502, 503} {
		answer := fmt.Sprintf("HTTP/1.1 %d %s\r\nContent-Length: 5\r\n\r\nwhy\r\n", status, http.StatusText(status))
		c := dial(t, transport.NewHTTPTransport(), refuser(t, answer))
		err := c.Send(large)
		var refused *transport.StatusError
		if !errors.As(err, &refused) || refused.Code != status || !strings.HasPrefix(refused.Detail, "why") {
			t.Errorf("%d: the error is %v", status, err)
		}
		if errors.Is(err, transport.ErrMessageTooLarge) != (status == 431) {
			t.Errorf("%d: the error %v is that of a size", status, err)
		}
	}
}

func TestAConnectionThatBreaksWithoutARefusalHasNotSent(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing":        "",
		"half an answer": "HTTP/1.1 413 Request",
		"a reply":        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			c := dial(t, transport.NewHTTPTransport(), refuser(t, answer), transport.WithStream())
			if err := c.Send(&transport.Message{Body: make([]byte, 16<<20)}); !errors.Is(err, transport.ErrNotSent) {
				t.Errorf("the error is %v", err)
			}
			err := c.Recv(new(transport.Message))
			if (err == nil) != strings.Contains(answer, " 200 ") {
				t.Errorf("then Recv returns %v", err)
			}
		})
	}
}

// A peer that has answered and does not read is not waited for longer than the
// time limit of a Send.
func TestARefusalByAPeerThatReadsNoMoreIsFoundInTime(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	over := make(chan struct{})
	defer close(over)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
			io.WriteString(conn, "HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0\r\n\r\n")
		}
		<-over
	}()
	c := dial(t, transport.NewHTTPTransport(transport.Timeout(time.Second)), l.Addr().String())
	wantRefusal(t, c.Send(&transport.Message{Body: make([]byte, 16<<20)}))
}
