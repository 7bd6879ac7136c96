package integration_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/justcy/go-micro/v4/integration/internal/servers"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/transport"
	natstransport "github.com/justcy/go-micro/v4/transport/nats"
	"github.com/justcy/go-micro/v4/transport/transporttest"
)

func TestNATSTransport(t *testing.T) {
	url := servers.NewNATS(t).URL // with room for large messages
	transporttest.Run(t, transporttest.Harness{
		New: func(_ testing.TB, opts ...transport.Option) transport.Transport {
			return natstransport.NewTransport(append([]transport.Option{transport.Addrs(url)}, opts...)...)
		},
		Addr:           ":0",
		NoPairing:      true,
		NoBackpressure: true,
		NoNotSent:      true, // Dial asks nobody; what is sent over its socket says so
	})
}

// serving listens with a function until the test ends.
func serving(t testing.TB, tr transport.Transport, fn func(transport.Socket)) transport.Listener {
	t.Helper()
	l, err := tr.Listen(":0")
	must(t, err)
	ended := make(chan error, 1)
	go func() { ended <- l.Accept(fn) }()
	t.Cleanup(func() {
		if err := errors.Join(l.Close(), <-ended); err != nil {
			t.Error(err)
		}
	})
	return l
}

func echo(s transport.Socket) {
	var m transport.Message
	for s.Recv(&m) == nil && s.Send(&m) == nil {
	}
}

func dialled(t testing.TB, tr transport.Transport, addr string) transport.Client {
	t.Helper()
	c, err := tr.Dial(addr, transport.WithStream())
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestNATSSocketsAreInTheFormOfGoMicroV4(t *testing.T) {
	url := servers.NATS(t)
	tr, raw := natstransport.NewTransport(transport.Addrs(url)), natsConn(t, url)
	l := serving(t, tr, echo)

	// A client of go-micro v4 sends with its inbox as the reply subject, and
	// nothing that tells of an end.
	inbox, err := raw.SubscribeSync(nats.NewInbox())
	must(t, err)
	for i := range 3 {
		must(t, raw.PublishRequest(l.Addr(), inbox.Subject, fmt.Appendf(nil, `{"Header":{"Micro-Id":"%d"},"Body":"Ym9keQ=="}`, i)))
	}
	for i := range 3 {
		m, err := inbox.NextMsg(testkit.Patience)
		must(t, err)
		if want := fmt.Sprintf(`{"Header":{"Micro-Id":"%d"},"Body":"Ym9keQ=="}`, i); string(m.Data) != want || len(m.Header) > 0 {
			t.Errorf("answered %s %v, want %s", m.Data, m.Header, want)
		}
	}

	// A server of go-micro v4 answers whatever comes to its subject.
	subject := unique("server-")
	_, err = raw.Subscribe(subject, func(m *nats.Msg) {
		var got transport.Message
		if json.Unmarshal(m.Data, &got) == nil {
			_ = m.Respond(m.Data)
		}
	})
	must(t, err)
	must(t, raw.Flush())
	c := dialled(t, tr, subject)
	for i := range 3 {
		must(t, c.Send(&transport.Message{Body: fmt.Append(nil, i)}))
	}
	for i := range 3 {
		var m transport.Message
		if err := c.Recv(&m); err != nil || string(m.Body) != fmt.Sprint(i) {
			t.Errorf("got %q, %v", m.Body, err)
		}
	}
}

func TestNATSSocketsThatAreSilentEnd(t *testing.T) {
	url := servers.NATS(t)
	tr := natstransport.NewTransport(transport.Addrs(url), transport.Timeout(200*time.Millisecond))
	ended := make(chan error, 1)
	l := serving(t, tr, func(s transport.Socket) {
		var m transport.Message
		for {
			if err := s.Recv(&m); err != nil {
				ended <- err
				return
			}
		}
	})
	raw := natsConn(t, url)
	must(t, raw.PublishRequest(l.Addr(), nats.NewInbox(), []byte(`{"Header":{},"Body":null}`)))
	if err := <-ended; err == nil || err.Error() != "deadline exceeded" {
		t.Errorf("got %v", err)
	}
}

func TestNATSAReplyThatNobodyCanGiveIsToldAtOnce(t *testing.T) {
	c := dialled(t, natstransport.NewTransport(transport.Addrs(servers.NATS(t))), unique("nobody-"))
	must(t, c.Send(&transport.Message{Body: []byte("x")}))
	var m transport.Message
	if err := c.Recv(&m); !errors.Is(err, transport.ErrNotSent) {
		t.Errorf("got %v", err)
	}
}

func TestNATSMessagesLargerThanTheServerTakesAreRefused(t *testing.T) {
	url := servers.NATS(t)
	tr := natstransport.NewTransport(transport.Addrs(url), transport.MaxMessageSize(100<<20))
	c := dialled(t, tr, serving(t, tr, echo).Addr())
	limit := natsConn(t, url).MaxPayload()
	if err := c.Send(&transport.Message{Body: make([]byte, limit)}); !errors.Is(err, transport.ErrMessageTooLarge) {
		t.Errorf("got %v", err)
	}
	must(t, c.Send(&transport.Message{Body: []byte("small")}))
	var m transport.Message
	must(t, c.Recv(&m))
}

func TestNATSUndecodableMessagesEndTheirSocketAlone(t *testing.T) {
	url := servers.NATS(t)
	tr, raw := natstransport.NewTransport(transport.Addrs(url)), natsConn(t, url)
	l := serving(t, tr, echo)
	other := dialled(t, tr, l.Addr())
	for _, data := range []string{"no message", "[]", "\x00"} {
		must(t, raw.PublishRequest(l.Addr(), nats.NewInbox(), []byte(data)))
	}
	must(t, raw.Flush())
	must(t, other.Send(&transport.Message{Body: []byte("x")}))
	var m transport.Message
	must(t, other.Recv(&m))
}

func TestNATSSocketsWorkAgainAfterTheServerWasAway(t *testing.T) {
	server := servers.NewNATS(t)
	tr := natstransport.NewTransport(transport.Addrs(server.URL))
	l := serving(t, tr, echo)
	c := dialled(t, tr, l.Addr())
	exchange := func() error {
		var m transport.Message
		if err := c.Send(&transport.Message{Body: []byte("x")}); err != nil {
			return err
		}
		return c.Recv(&m)
	}
	must(t, exchange())
	server.Stop()
	testkit.Eventually(t, "sending fails", func() bool {
		err := c.Send(&transport.Message{})
		return errors.Is(err, transport.ErrNotSent) && !errors.Is(err, io.EOF)
	})
	server.Start()
	testkit.Eventually(t, "a new socket works", func() bool {
		again, err := tr.Dial(l.Addr())
		if err != nil {
			return false
		}
		defer again.Close()
		var m transport.Message
		return again.Send(&transport.Message{Body: []byte("x")}) == nil && again.Recv(&m) == nil
	})
}
