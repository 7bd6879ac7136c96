package mux_test

import (
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
)

// begin is the payload of a message's first frame.
func begin(blockSize, bodySize int, rest string) string {
	b := binary.BigEndian.AppendUint16(nil, uint16(blockSize))
	b = binary.BigEndian.AppendUint32(b, uint32(bodySize))
	return string(b) + rest
}

func opening(socket uint32, payload string) string {
	return mux.Frame(mux.KindMessage, mux.FlagBegin|mux.FlagOpen, socket, payload)
}

func message(socket uint32, body string) string {
	return mux.Frame(mux.KindMessage, mux.FlagBegin, socket, begin(0, len(body), body))
}

// repeating is a message without a body that repeats the headers of an earlier
// one, except for the changes.
func repeating(socket uint32, changes string) string {
	return mux.Frame(mux.KindMessage, mux.FlagBegin|mux.FlagRepeat, socket, begin(len(changes), 0, changes))
}

// largeBlock is one byte too long to be remembered.
var largeBlock = "\x01\xfe\x0f" + strings.Repeat("v", mux.MaxBase-2)

func number(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// badPeers are what a peer may send, and what it is told.
var badPeers = map[string]struct{ sent, told string }{
	"unknown kind":             {mux.Frame(99, 0, 1, ""), "unknown frame kind"},
	"kind 0":                   {mux.Frame(0, 0, 0, ""), "unknown frame kind"},
	"flags of no meaning":      {mux.Frame(mux.KindMessage, 0x80, 1, "x"), "flags"},
	"flags on a control frame": {mux.Frame(mux.KindPing, 1, 0, "12345678"), "flags"},
	"short ping":               {mux.Frame(mux.KindPing, 0, 0, "1"), "payload"},
	"long window":              {mux.Frame(mux.KindWindow, 0, 1, "123456"), "payload"},
	"long reset":               {mux.Frame(mux.KindReset, 0, 1, strings.Repeat("r", 300)), "payload"},
	"payload over 64 KiB":      {mux.Frame(mux.KindMessage, mux.FlagBegin, 1, "")[:2] + "\xff\xff\x00\x00\x00\x01", "payload"},
	"message for socket 0":     {mux.Frame(mux.KindMessage, mux.FlagBegin, 0, begin(0, 0, "")), "socket 0"},
	"ping for a socket":        {mux.Frame(mux.KindPing, 0, 1, "12345678"), "for socket"},
	"flags on a continuation":  {opening(1, begin(0, 9, "a")) + mux.Frame(mux.KindMessage, mux.FlagRepeat, 1, "x"), "flags"},
	"opening that repeats":     {mux.Frame(mux.KindMessage, mux.FlagBegin|mux.FlagOpen|mux.FlagRepeat, 1, begin(0, 0, "")), "flags"},
	"repeat of nothing":        {opening(1, begin(0, 0, "")) + repeating(1, ""), "never had"},
	"repeat of a large block":  {opening(1, begin(mux.MaxBase+1, 0, largeBlock)) + repeating(1, ""), "never had"},
	"malformed change":         {opening(1, begin(3, 0, "\x01\x01v")) + repeating(1, "\xf0\x00"), "unknown header"},
	"no lengths":               {opening(1, "123"), "too short"},
	"block beyond its frame":   {opening(1, begin(100, 0, "short")), "do not fit"},
	"body shorter than sent":   {opening(1, begin(0, 1, "abc")), "do not fit"},
	"opened twice":             {opening(1, begin(0, 0, "")) + opening(1, begin(0, 0, "")), "opened twice"},
	"continuation of nothing":  {opening(1, begin(0, 1, "a")) + mux.Frame(mux.KindMessage, 0, 1, "x"), "continuation of no"},
	"empty continuation":       {opening(1, begin(0, 9, "a")) + mux.Frame(mux.KindMessage, 0, 1, ""), "empty"},
	"message within another":   {opening(1, begin(0, 9, "a")) + message(1, "x"), "within another"},
	"body longer than said":    {opening(1, begin(0, 2, "a")) + mux.Frame(mux.KindMessage, 0, 1, "xx"), "longer than announced"},
	"credit of nothing":        {opening(1, begin(0, 0, "")) + mux.Frame(mux.KindWindow, 0, 1, number(0)), "credit"},
	"credit without end":       {opening(1, begin(0, 0, "")) + mux.Frame(mux.KindWindow, 0, 1, number(1<<31)), "credit"},
	"malformed headers":        {opening(1, begin(2, 0, "\xf0\x00")), "unknown header"},
	"expanding headers":        {opening(1, begin(2000, 0, strings.Repeat("\x12\x00", 1000))), "headers over the limit"},
}

// raw returns the peer's end of a connection to an echo.
func raw(t testing.TB, config mux.Config, fn func(*mux.Socket)) net.Conn {
	t.Helper()
	a, b := tcp(t)
	t.Cleanup(func() { a.Close() })
	serve(t, b, config, fn)
	a.SetDeadline(time.Now().Add(testkit.Patience))
	return a
}

func TestAPeerThatBreaksTheProtocolIsToldWhyAndCutOff(t *testing.T) {
	for name, c := range badPeers {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // each lingers for a moment
			conn := raw(t, mux.Config{}, echo)
			if _, err := conn.Write([]byte(c.sent)); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(conn)
			if err != nil {
				t.Fatalf("the connection does not end: %v", err)
			}
			if !strings.Contains(string(got), c.told) {
				t.Errorf("the peer is told %q, want %q", got, c.told)
			}
		})
	}
}

func TestAPeerThatSendsMoreThanItsCreditIsCutOff(t *testing.T) {
	wait := make(chan struct{})
	conn := raw(t, mux.Config{}, func(*mux.Socket) { <-wait })
	defer close(wait)
	go func() {
		conn.Write([]byte(opening(1, begin(0, 0, ""))))
		for {
			if _, err := conn.Write([]byte(message(1, strings.Repeat("x", 60000)))); err != nil {
				return
			}
		}
	}()
	if got, _ := io.ReadAll(conn); !strings.Contains(string(got), "credit") {
		t.Errorf("the peer is told %q", got)
	}
}

func TestAPeerThatOpensSocketsWithoutEndIsCutOff(t *testing.T) {
	conn := raw(t, mux.Config{MaxSockets: 10}, echo)
	for i := range uint32(11) {
		conn.Write([]byte(opening(i+1, begin(0, 0, ""))))
	}
	if got, _ := io.ReadAll(conn); !strings.Contains(string(got), "more than 10 sockets") {
		t.Errorf("the peer is told %q", got)
	}
}

// Sockets that the peer has closed, but whose users are still busy, do not make
// an honest peer a bad one.
func TestSocketsThatAreStillBusyAreRefusedForTheTimeBeing(t *testing.T) {
	wait := make(chan struct{})
	conn := raw(t, mux.Config{MaxSockets: 2}, func(*mux.Socket) { <-wait })
	defer close(wait)
	for i := range uint32(3) {
		conn.Write([]byte(opening(i+1, begin(0, 0, "")) + mux.Frame(mux.KindClose, 0, i+1, "")))
	}
	want := mux.Frame(mux.KindReset, 0, 3, "\x01")
	got := make([]byte, len(want))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != want {
		t.Errorf("the peer is told %q and %v, want %q", got, err, want)
	}
}

func TestAPeerThatAsksAndNeverReadsIsCutOff(t *testing.T) {
	conn := raw(t, mux.Config{}, echo)
	conn.(*net.TCPConn).SetReadBuffer(4 << 10)
	pings := []byte(strings.Repeat(mux.Frame(mux.KindPing, 0, 0, "12345678"), 4096))
	for {
		if _, err := conn.Write(pings); err != nil {
			return // well before the deadline
		}
	}
}

// A peer that sends to many sockets which nobody reads loses one of them, not
// the connection, and does not fill the memory.
func TestWhatWaitsOnAConnectionIsBounded(t *testing.T) {
	wait := make(chan struct{})
	fn := func(s *mux.Socket) {
		var m mux.Message
		s.Recv(&m, 0)
		if string(m.Body) == "echo" {
			s.Send(&m, 0)
			return
		}
		<-wait
	}
	c, server := pair(t, mux.Config{MaxMessage: 1 << 10, MaxBuffered: 1 << 20}, fn)
	defer close(wait)
	for range 20 {
		s := open(t, c)
		go func() {
			for s.Send(&mux.Message{Body: make([]byte, 1<<10)}, 0) == nil {
			}
		}()
	}
	testkit.Eventually(t, "sockets are reset", func() bool { return mux.Sockets(server) < 20 })
	if n := mux.Buffered(server); n > 1<<20+64<<10 {
		t.Errorf("%d bytes wait", n)
	}
	s := open(t, c)
	send(t, s, "echo")
	expect(t, s, "echo")
}

// A length is not believed before the bytes are there.
func TestAnnouncedBodiesTakeNoMemory(t *testing.T) {
	conn := raw(t, mux.Config{}, echo)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range uint32(100) {
		conn.Write([]byte(opening(i+1, begin(0, 16<<20, "x"))))
	}
	conn.Write([]byte(mux.Frame(mux.KindPing, 0, 0, "12345678")))
	for pong := mux.Frame(mux.KindPong, 0, 0, "12345678"); ; { // all of it was read when the answer is there
		b := make([]byte, 1<<10)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b[:n]), pong) {
			break
		}
	}
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("100 announced bodies of 16 MiB take %d bytes", grown)
	}
}

func FuzzConn(f *testing.F) {
	for _, c := range badPeers {
		f.Add([]byte(c.sent))
	}
	f.Add([]byte(opening(1, begin(0, 5, "hello")) + mux.Frame(mux.KindClose, 0, 1, "")))
	f.Add([]byte(opening(1, begin(3, 70000, "\x01\x01v")) + mux.Frame(mux.KindReset, 0, 1, "\x00")))
	f.Add([]byte(opening(1, begin(3, 0, "\x01\x01v")) + repeating(1, "") + repeating(1, "\x02\x01w")))
	f.Add([]byte(mux.Frame(mux.KindGoAway, 0, 0, "\x00") + mux.Frame(mux.KindPong, 0, 0, "12345678")))
	f.Fuzz(func(t *testing.T, sent []byte) {
		for _, server := range []bool{true, false} {
			a, b := net.Pipe()
			go io.Copy(io.Discard, a)
			c := mux.New(mux.Config{Conn: b, Server: server, MaxMessage: 1 << 20, Accept: func(s *mux.Socket) {
				go func() {
					defer s.Close()
					echo(s)
				}()
			}})
			if !server {
				s := c.First()
				go echo(s)
			}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				c.Run(nil)
			}()
			a.SetWriteDeadline(time.Now().Add(10 * time.Second))
			a.Write(sent)
			a.Close()
			<-ended
			c.Close()
		}
	})
}

// What had begun to arrive on a socket that was reset is not kept for its user.
func TestAResetSocketKeepsNoPartOfAMessage(t *testing.T) {
	sockets, wait := make(chan *mux.Socket, 1), make(chan struct{})
	conn := raw(t, mux.Config{MaxMessage: 1 << 20, MaxBuffered: 100 << 10}, func(s *mux.Socket) {
		sockets <- s
		<-wait
	})
	defer close(wait)
	piece := strings.Repeat("x", 40<<10)
	conn.Write([]byte(opening(1, begin(0, 1<<20, piece))))
	for range 2 {
		conn.Write([]byte(mux.Frame(mux.KindMessage, 0, 1, piece)))
	}
	conn.Write([]byte(mux.Frame(mux.KindPing, 0, 0, "12345678")))
	head := make([]byte, 8)
	if _, err := io.ReadFull(conn, head); err != nil || head[0] != mux.KindReset {
		t.Fatalf("the peer is sent a frame of kind %d, error %v", head[0], err)
	}
	io.CopyN(io.Discard, conn, int64(head[2])<<8+int64(head[3]))
	if _, err := io.ReadFull(conn, head); err != nil || head[0] != mux.KindPong {
		t.Fatalf("the peer is sent a frame of kind %d, error %v", head[0], err)
	}
	if n := mux.Begun(<-sockets); n != 0 {
		t.Errorf("%d bytes are kept", n)
	}
}
