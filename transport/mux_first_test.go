package transport_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/transport"
)

// openExchange is the request that opens a stream on a connection of its own.
const openExchange = "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: micro-mux/2; to=x; exchange\r\n" +
	"Micro-Stream: 1\r\nContent-Length: 5\r\n\r\nfirst"

// served is an exchange that a listener handed over.
type served struct {
	wire.Exchange
	header wire.Header
	body   string
}

// exchangeServer hands the exchanges of connections to the test.
type exchangeServer chan served

func (s exchangeServer) Connect(string, string) wire.Connection { return s }
func (s exchangeServer) End()                                   {}

func (s exchangeServer) Serve(x wire.Exchange, h wire.Header, body []byte, _ bool) {
	s <- served{x, h, string(body)}
}

// next returns the next exchange.
func (s exchangeServer) next(t *testing.T) served {
	t.Helper()
	select {
	case x := <-s:
		return x
	case <-time.After(testkit.Patience):
		t.Fatal("nothing arrives")
		return served{}
	}
}

// listenExchanges returns the address of a listener that hands over exchanges.
// What comes on other sockets is echoed.
func listenExchanges(t *testing.T) (addr string, exchanges exchangeServer) {
	t.Helper()
	l, err := transport.NewHTTPTransport(quiet).Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	exchanges = make(exchangeServer, 10)
	serving := make(chan error, 1)
	go func() {
		serving <- l.(interface {
			AcceptExchanges(func(transport.Socket), wire.Server) error
		}).AcceptExchanges(echo, exchanges)
	}()
	t.Cleanup(func() {
		l.Close()
		<-serving
	})
	return l.Addr(), exchanges
}

// switched connects to addr, offers to switch and reads that this is accepted.
func switched(t *testing.T, addr, request string) (conn net.Conn, in *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(testkit.Patience))
	io.WriteString(conn, request)
	in = bufio.NewReader(conn)
	answer, err := http.ReadResponse(in, nil)
	if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the answer is %v, %v", answer, err)
	}
	return conn, in
}

func TestAnOfferWithAStreamSaysThatTheSocketIsTheStreams(t *testing.T) {
	nl, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer nl.Close()
	c := dial(t, transport.NewHTTPTransport(quiet), nl.Addr().String(), transport.WithStream())
	conn, err := nl.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := &wire.Request{ID: 7, Left: time.Second, Fields: []wire.Field{{Name: "Micro-Stream", Value: "7"}}, Body: []byte("hello")}
	if err := c.(wire.Opener).Open(request); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(conn)
	got, err := http.ReadRequest(in)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(got.Body)
	if h := got.Header; h.Get("Connection") != "Upgrade" || h.Get("Upgrade") != "micro-mux/2; to="+nl.Addr().String()+"; exchange" || h.Get("Micro-Id") != "7" ||
		h.Get("Timeout") != "1000000000" || h.Get("Micro-Stream") != "7" || string(body) != "hello" {
		t.Errorf("the offer is %v with %q", h, body)
	}
	// Sent before the answer is known: a plain request.
	if err := c.Send(&transport.Message{Body: []byte("second")}); err != nil {
		t.Fatal(err)
	}
	if got, err = http.ReadRequest(in); err != nil || got.Header.Get("Connection") != "" {
		t.Errorf("the second request is %v, %v", got, err)
	}
}

// The stream that opens a connection is served like those that follow on it, from
// its first message on, however the others arrive.
func TestTheFirstStreamOfAConnectionIsAnExchange(t *testing.T) {
	addr, exchanges := listenExchanges(t)
	conn, in := switched(t, addr, openExchange+"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsecond")
	x := exchanges.next(t)
	if h := x.header.Map(); x.Single() || x.body != "first" || h["Micro-Stream"] != "1" || h["Connection"] != "" || h["Upgrade"] != "" {
		t.Errorf("it opens with %q and %v", x.body, h)
	}
	io.WriteString(conn, mux.Preface)
	conn.Write([]byte("\x01\x01\x00\x0b\x00\x00\x00\x01" + "\x00\x00" + "\x00\x00\x00\x05" + "third"))
	for _, want := range []string{"second", "third"} {
		var h wire.Header
		if body, err := x.RecvHeader(&h); err != nil || string(body) != want {
			t.Errorf("received %q, %v; want %q", body, err, want)
		}
	}
	if err := x.SendFields(nil, []byte("reply")); err != nil {
		t.Fatal(err)
	}
	if got := untilReply(in, "reply"); got != nil {
		t.Error(got)
	}
}

// untilReply reads until a text has arrived.
func untilReply(in io.Reader, text string) error {
	var all []byte
	for b := make([]byte, 1); ; {
		if _, err := in.Read(b); err != nil {
			return fmt.Errorf("%q, then %w", all, err)
		}
		if all = append(all, b...); strings.HasSuffix(string(all), text) {
			return nil
		}
	}
}

// A stream may end before its client knows that the connection was switched. What
// the client sent on it until then concerns nobody.
func TestTheConnectionOutlivesAFirstStreamThatEndsEarly(t *testing.T) {
	addr, exchanges := listenExchanges(t)
	conn, in := switched(t, addr, openExchange)
	exchanges.next(t).Close()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\nbelated"+mux.Preface)
	const id, left = "\x00\x00\x00\x00\x00\x00\x00\x07", "\x00\x00\x00\x00\x00\x00\x00\x00"
	conn.Write([]byte("\x01\x1b\x00\x1a\x00\x00\x00\x02" + "\x00\x00" + "\x00\x00\x00\x04" + id + left + "call"))
	x := exchanges.next(t)
	if !x.Single() || x.body != "call" {
		t.Errorf("the call arrives as %q", x.body)
	}
	if err := x.SendFields(nil, []byte("reply")); err != nil {
		t.Fatal(err)
	}
	if err := untilReply(in, "reply"); err != nil {
		t.Error(err)
	}
}

// An offer that says nothing of a stream may carry anything on its socket.
func TestAnOfferWithoutAStreamIsNoExchange(t *testing.T) {
	addr, exchanges := listenExchanges(t)
	_, in := switched(t, addr, strings.Replace(openExchange, "; exchange", "", 1)+mux.Preface)
	if err := untilReply(in, "first"); err != nil {
		t.Error(err)
	}
	if len(exchanges) > 0 {
		t.Error("it was served as an exchange")
	}
}

// Ends whose frames differ have protocols of different names, and speak plain HTTP.
// A handler of go-micro v4 passes on the headers that it got, an offer among them,
// which was meant for the node of that handler.
func TestAnOfferOfOtherFramesOrToAnotherNodeIsAnsweredInPlainHTTP(t *testing.T) {
	l := listen(t, transport.NewHTTPTransport(quiet), echo)
	for _, protocol := range []string{"micro-mux/1", "micro-mux/3; to=x", "micro-mux/2", "micro-mux/2; to=another:80", "micro-mux/2; to=another:80; exchange", "websocket"} {
		conn, err := net.Dial("tcp", l.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(testkit.Patience))
		in := bufio.NewReader(conn)
		for _, text := range []string{"first", "after"} {
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: %s\r\nContent-Length: 5\r\n\r\n%s", protocol, text)
			answer, err := http.ReadResponse(in, nil)
			if err != nil || answer.StatusCode != http.StatusOK {
				t.Fatalf("%s: the answer is %v, %v", protocol, answer, err)
			}
			if body, err := io.ReadAll(answer.Body); err != nil || string(body) != text {
				t.Errorf("%s: answered %q, %v", protocol, body, err)
			}
		}
	}
}
