package mux_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/justcy/go-micro/v4/internal/budget"
	"github.com/justcy/go-micro/v4/internal/mux"
	"github.com/justcy/go-micro/v4/internal/testkit"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// raw is a peer that writes and reads frames as it likes.
type raw struct {
	testing.TB
	conn net.Conn
}

// rawClient connects a raw peer to an end that listens.
func rawClient(t testing.TB, config mux.Config, accept serve) (*raw, *mux.Conn) {
	t.Helper()
	a, b := tcpPair(t)
	config.Conn, config.Accept = b, accept
	return &raw{t, a}, running(t, a, config)
}

// rawServer connects a raw peer to an end that dialled.
func rawServer(t testing.TB, config mux.Config) (*raw, *mux.Conn) {
	t.Helper()
	a, b := tcpPair(t)
	config.Conn = b
	return &raw{t, a}, running(t, a, config)
}

// running runs a connection until the test ends, which closes the other end.
func running(t testing.TB, other net.Conn, config mux.Config) *mux.Conn {
	c := mux.New(config)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(nil)
	}()
	t.Cleanup(func() {
		other.Close()
		c.Close()
		<-ended
	})
	return c
}

func (p *raw) write(frames ...mux.Frame) {
	p.Helper()
	var b []byte
	for _, f := range frames {
		b = f.Append(b)
	}
	p.conn.SetWriteDeadline(time.Now().Add(testkit.Patience))
	if _, err := p.conn.Write(b); err != nil {
		p.Fatal(err)
	}
}

// read returns the next frame, and false at the end of the connection.
func (p *raw) read() (mux.Frame, bool) {
	p.conn.SetReadDeadline(time.Now().Add(testkit.Patience))
	var head [mux.HeadSize]byte
	if _, err := io.ReadFull(p.conn, head[:]); err != nil {
		return mux.Frame{}, false
	}
	f := mux.Frame{Kind: head[0], Flags: head[1], Socket: binary.BigEndian.Uint32(head[4:])}
	f.Payload = make([]byte, binary.BigEndian.Uint16(head[2:]))
	_, err := io.ReadFull(p.conn, f.Payload)
	return f, err == nil
}

// goAway reads until the connection ends, and returns why it did.
func (p *raw) goAway() string {
	p.Helper()
	why := ""
	for {
		f, ok := p.read()
		if !ok {
			return why
		}
		if f.Kind == mux.KindGoAway {
			why = string(f.Payload[5:])
		}
	}
}

const openCall = mux.FlagBegin | mux.FlagOpen | mux.FlagExchange | mux.FlagLast

// never holds what it gets and answers nothing.
func never(*mux.Socket, wire.Header, []byte, bool) {}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestAnnouncedBytesCountBeforeTheyArrive(t *testing.T) {
	p, c := rawClient(t, mux.Config{}, never)
	before := heap()
	for i := range 4000 {
		b := mux.Frame{Kind: mux.KindMessage, Flags: openCall, Socket: uint32(i + 1), Payload: mux.Begin(openCall, "", 16<<20, []byte("x"))}.Append(nil)
		if _, err := p.conn.Write(b); err != nil {
			break // it has had enough
		}
	}
	if why := p.goAway(); !strings.Contains(why, "no credit") {
		t.Errorf("the connection ended because of %q", why)
	}
	if grown := int64(heap()) - int64(before); grown > 8<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	runtime.KeepAlive(c)
}

// openings are the ways to open a socket.
var openings = map[string]byte{
	"calls":   openCall,
	"streams": mux.FlagBegin | mux.FlagOpen | mux.FlagExchange,
	"sockets": mux.FlagBegin | mux.FlagOpen,
}

// wantOpenBounded opens twice as many sockets as one may have, whose users hold them
// for ever, and sends what more appends behind each.
func wantOpenBounded(t *testing.T, flags byte, more func(b []byte, socket uint32) []byte) {
	t.Helper()
	const fit = 1 << 20 / mux.OpenCost
	var opened atomic.Int32
	p, _ := rawClient(t, mux.Config{MaxMessage: 1 << 10, MaxBuffered: 1 << 20}, func(*mux.Socket, wire.Header, []byte, bool) { opened.Add(1) })
	for i := range uint32(2 * fit) {
		b := mux.Frame{Kind: mux.KindMessage, Flags: flags, Socket: i + 1, Payload: mux.Begin(flags, "", 0, nil)}.Append(nil)
		if _, err := p.conn.Write(more(b, i+1)); err != nil {
			break // it has had enough
		}
	}
	if why := p.goAway(); !strings.Contains(why, "no credit") {
		t.Errorf("the connection ended because of %q", why)
	}
	if n := opened.Load(); n < fit*9/10 || n > fit {
		t.Errorf("%d are held, want about %d", n, fit)
	}
}

func TestOpenSocketsCountThoughNothingIsSentOnThem(t *testing.T) {
	for name, flags := range openings {
		t.Run(name, func(t *testing.T) {
			wantOpenBounded(t, flags, func(b []byte, _ uint32) []byte { return b })
		})
	}
}

func TestSocketsThatAreNotReadStopTheirSenders(t *testing.T) {
	var sockets []*mux.Socket
	var mu sync.Mutex
	p := newPair(t, mux.Config{}, mux.Config{}, func(s *mux.Socket, _ wire.Header, _ []byte, _ bool) {
		mu.Lock()
		defer mu.Unlock()
		sockets = append(sockets, s)
	})
	var senders sync.WaitGroup
	defer senders.Wait()
	var opened []*mux.Socket
	body := make([]byte, 64<<10)
	for range 300 {
		s, err := p.client.Open()
		if err != nil {
			t.Fatal(err)
		}
		opened = append(opened, s)
		senders.Go(func() {
			for range 28 {
				if s.SendFields(nil, body) != nil {
					return
				}
			}
		})
	}
	testkit.Eventually(t, "the budget is used up", func() bool { return p.server.Held() > mux.DefaultMaxBuffered-1<<20 })
	if held := p.server.Held(); held > mux.DefaultMaxBuffered {
		t.Errorf("%d bytes are held, the limit is %d", held, mux.DefaultMaxBuffered)
	}
	for _, s := range opened {
		s.Close()
	}
	testkit.Eventually(t, "all sockets are closed", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, s := range sockets {
			s.Close()
		}
		return p.server.Opened() == 0
	})
	testkit.Eventually(t, "the room comes back", func() bool { return p.server.Held() == 0 })
	if p.client.Err() != nil || p.server.Err() != nil {
		t.Errorf("the connection ended: %v, %v", p.client.Err(), p.server.Err())
	}
}

func TestRequestsInHandlersStayWithinTheBudgetOfTheirConnection(t *testing.T) {
	entered, release := make(chan int, 100), make(chan struct{})
	p := newPair(t, mux.Config{}, mux.Config{}, func(s *mux.Socket, _ wire.Header, body []byte, _ bool) {
		go func() {
			entered <- len(body)
			<-release
			s.SendFields(nil, []byte("done"))
		}()
	})
	var callers sync.WaitGroup
	for i := range 24 {
		callers.Go(func() {
			if got, err := call(p.client, uint64(i), make([]byte, 8<<20)); err != nil || string(got) != "done" {
				t.Errorf("call: %q, %v", got, err)
			}
		})
	}
	testkit.Eventually(t, "seven requests are in handlers", func() bool { return len(entered) == 7 })
	if held := p.server.Held(); held > mux.DefaultMaxBuffered {
		t.Errorf("%d bytes are held, the limit is %d", held, mux.DefaultMaxBuffered)
	}
	close(release)
	callers.Wait() // those that had to wait get their room
}

func TestAllConnectionsShareABudget(t *testing.T) {
	shared := budget.New(3 << 20)
	release := make(chan struct{})
	accept := func(s *mux.Socket, _ wire.Header, body []byte, _ bool) {
		go func() {
			<-release
			s.SendFields(nil, nil)
		}()
	}
	var held sync.WaitGroup
	for range 2 {
		p := newPair(t, mux.Config{}, mux.Config{Budget: shared}, accept)
		held.Go(func() {
			if _, err := call(p.client, 1, make([]byte, 1<<20)); err != nil {
				t.Errorf("a call within the budget: %v", err)
			}
		})
	}
	testkit.Eventually(t, "two megabytes are held", func() bool { return shared.Held() > 2<<20 })
	p := newPair(t, mux.Config{}, mux.Config{Budget: shared}, accept)
	if _, err := call(p.client, 1, make([]byte, 1<<20)); !errors.Is(err, wire.ErrNotSent) {
		t.Errorf("a call beyond the budget: %v, want one that was not sent", err)
	}
	if p.client.Err() != nil {
		t.Errorf("the connection ended: %v", p.client.Err())
	}
	close(release)
	held.Wait()
	testkit.Eventually(t, "the room comes back", func() bool { return shared.Held() == 0 })
	if _, err := call(p.client, 2, make([]byte, 1<<20)); err != nil {
		t.Errorf("a call when there is room again: %v", err)
	}
}

func TestAMessageLargerThanThePeersBudgetIsRefusedAtOnce(t *testing.T) {
	p := newPair(t, mux.Config{MaxMessage: 64 << 20}, mux.Config{MaxMessage: 1 << 20, MaxBuffered: 4 << 20}, echo)
	if _, err := call(p.client, 1, []byte("first")); err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{2 << 20, 32 << 20} {
		if _, err := call(p.client, 1, make([]byte, size)); !errors.Is(err, wire.ErrTooLarge) {
			t.Errorf("%d bytes: %v, want one that is too large", size, err)
		}
	}
	if got, err := call(p.client, 1, []byte("on")); err != nil || string(got) != "on" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

func TestLargeMessagesTakeTurns(t *testing.T) {
	p, c := rawServer(t, mux.Config{})
	p.write(mux.Frame{Kind: mux.KindWindow, Payload: binary.BigEndian.AppendUint32(nil, 63<<20)})
	var callers sync.WaitGroup
	defer callers.Wait()
	const senders, size = 4, 8 << 20 // more than the system takes for a peer that does not read
	for i := range senders {
		callers.Go(func() { call(c, uint64(i), make([]byte, size)) })
	}
	testkit.Eventually(t, "all calls are under way", func() bool { return c.Opened() == senders })
	last, row, longest := uint32(0), 0, 0
	finished := 0
	for finished < senders-1 {
		f, ok := p.read()
		if !ok {
			t.Fatal("the connection ended")
		}
		if f.Kind != mux.KindMessage {
			continue
		}
		if f.Socket != last {
			last, row = f.Socket, 0
		}
		if row++; finished == 0 && f.Flags == 0 {
			longest = max(longest, row)
		}
		if len(f.Payload) < mux.MaxPayload {
			finished++
		}
	}
	// The first may have been alone for as long as the others had not begun.
	if longest > size/mux.MaxPayload-1 {
		t.Errorf("%d frames of one message in a row while others waited", longest)
	}
	p.conn.Close()
}

func TestASmallCallOvertakesLargeOnes(t *testing.T) {
	p, c := rawServer(t, mux.Config{})
	p.write(mux.Frame{Kind: mux.KindWindow, Payload: binary.BigEndian.AppendUint32(nil, 63<<20)})
	var callers sync.WaitGroup
	defer callers.Wait()
	for i := range 3 {
		callers.Go(func() { call(c, uint64(i), make([]byte, 16<<20)) })
	}
	testkit.Eventually(t, "the calls are under way", func() bool { return c.Opened() == 3 })
	if f, ok := p.read(); !ok || f.Kind == 0 {
		t.Fatal("nothing is sent")
	}
	callers.Go(func() { call(c, 9, []byte("small")) })
	testkit.Eventually(t, "the small call is made", func() bool { return c.Opened() == 4 })
	for read := 0; ; {
		f, ok := p.read()
		if !ok {
			t.Fatal("the connection ended")
		}
		if f.Flags&mux.FlagOpen != 0 && bytes.HasSuffix(f.Payload, []byte("small")) {
			break
		}
		if read += len(f.Payload); read > 24<<20 {
			t.Fatal("the small call waits for the large ones")
		}
	}
	p.conn.Close()
}

// What counts is that replies arrive alone, while their caller waits: the peer sees
// to that.
func TestALoneCallerReadsForItselfBesideAnIdleSocket(t *testing.T) {
	p, c := rawServer(t, mux.Config{})
	idle, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	var waiting sync.WaitGroup
	defer waiting.Wait()
	defer idle.Close()
	waiting.Go(func() { idle.RecvHeader(new(wire.Header)) })
	for i := 0; c.Led() == 0; i++ {
		if i == 1000 {
			t.Fatal("the caller never reads for itself")
		}
		replied := make(chan error, 1)
		go func() {
			_, err := call(c, uint64(i), nil)
			replied <- err
		}()
		f, ok := p.read()
		for ok && f.Flags&mux.FlagOpen == 0 {
			f, ok = p.read()
		}
		testkit.Eventually(t, "the caller waits", func() bool { return c.Awaited() == 2 })
		const last = mux.FlagBegin | mux.FlagLast
		p.write(mux.Frame{Kind: mux.KindMessage, Flags: last, Socket: f.Socket, Payload: mux.Begin(last, "", 0, nil)})
		if err := <-replied; err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPeerThatFallsSilentWhileACallerWaitsLosesItsConnection(t *testing.T) {
	p, c := rawServer(t, mux.Config{Ping: -1})
	k := mux.NewCall()
	result := make(chan error, 1)
	go func() {
		var reply wire.Reply
		result <- k.Do(c, &wire.Request{ID: 1}, &reply)
	}()
	for { // the request
		if f, ok := p.read(); !ok || f.Flags&mux.FlagOpen != 0 {
			break
		}
	}
	late := errors.New("late")
	k.Break(late, true)
	if err := <-result; err != late {
		t.Errorf("Do: %v", err)
	}
	if c.Usable() {
		t.Error("the connection is still in use")
	}
	p.goAway() // a connection that nobody uses is closed without asking
	if c.Err() == nil {
		t.Error("the connection has not ended")
	}
}

func TestASuspectedPeerIsAskedForASignOfLife(t *testing.T) {
	p, c := rawServer(t, mux.Config{Ping: -1})
	idle, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	if !c.Suspect(c.Heard()) || c.Usable() {
		t.Error("the connection is still in use")
	}
	for {
		f, ok := p.read()
		if !ok {
			t.Fatal("the peer was not asked")
		}
		if f.Kind == mux.KindPing {
			break
		}
	}
	p.goAway()
	var h wire.Header
	if _, err := idle.RecvHeader(&h); err == nil || c.Err() == nil {
		t.Errorf("the connection goes on without an answer: %v", err)
	}
}

func TestAPeerThatIsHeardIsNotSuspected(t *testing.T) {
	p := newPair(t, mux.Config{}, mux.Config{}, func(s *mux.Socket, h wire.Header, body []byte, here bool) {
		if string(body) != "hang" {
			echo(s, h, body, here)
		}
	})
	k := mux.NewCall()
	result := make(chan error, 1)
	go func() {
		var reply wire.Reply
		result <- k.Do(p.client, &wire.Request{ID: 1, Body: []byte("hang")}, &reply)
	}()
	testkit.Eventually(t, "the call is made", func() bool { return p.client.Opened() == 1 })
	if _, err := call(p.client, 2, []byte("x")); err != nil {
		t.Fatal(err)
	}
	k.Break(errors.New("late"), true)
	<-result
	if !p.client.Usable() {
		t.Error("a peer that answers others is suspected")
	}
}

func TestTheMemoryOfSocketsThatWereOpenComesBack(t *testing.T) {
	const sockets = 20_000
	p := newPair(t, mux.Config{MaxSockets: sockets}, mux.Config{}, never)
	before := heap()
	open := make([]*mux.Socket, sockets)
	for i := range open {
		var err error
		if open[i], err = p.client.Open(); err != nil {
			t.Fatal(err)
		}
	}
	full := int64(heap()) - int64(before)
	for _, s := range open {
		s.Close()
	}
	open = nil
	if left := int64(heap()) - int64(before); left > full/50 {
		t.Errorf("%d of %d bytes are left", left, full)
	}
	runtime.KeepAlive(p)
}

// A body of a round size is a little longer than so many frames. Who waits for it
// does not wait for a turn of all others because of that little.
func TestTheShortRestOfAMessageFollowsAtOnce(t *testing.T) {
	const body, callers = mux.MaxPayload + 100, 8
	a, b := net.Pipe() // which takes what is read, and no more
	p := &raw{t, a}
	c := running(t, a, mux.Config{Conn: b})
	var all sync.WaitGroup
	defer all.Wait()
	for i := range callers {
		all.Go(func() { call(c, uint64(i), make([]byte, body)) })
	}
	testkit.Eventually(t, "the calls are under way", func() bool { return c.Opened() == callers })
	begun := uint32(0)
	for range 2 * callers {
		f, ok := p.read()
		for ok && f.Kind != mux.KindMessage {
			f, ok = p.read()
		}
		switch {
		case !ok:
			t.Fatal("the connection ended")
		case f.Flags&mux.FlagBegin != 0 && begun != 0:
			t.Fatalf("call %d begins before the end of call %d", f.Socket, begun)
		case f.Flags&mux.FlagBegin != 0:
			begun = f.Socket
		case f.Socket != begun:
			t.Fatalf("the end of call %d follows the start of call %d", f.Socket, begun)
		default:
			begun = 0
		}
	}
	p.conn.Close()
}
