package rpc_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/justcy/go-micro/v4/api/handler"
	"github.com/justcy/go-micro/v4/api/handler/rpc"
	"github.com/justcy/go-micro/v4/api/internal/apitest"
	"github.com/justcy/go-micro/v4/api/router"
	"github.com/justcy/go-micro/v4/client"
	"github.com/justcy/go-micro/v4/registry"
)

// Kinds of WebSocket frames.
const (
	frameMore   = 0x0
	frameText   = 0x1
	frameClose  = 0x8
	framePing   = 0x9
	framePong   = 0xa
	frameIsLast = 0x80
)

// silent is a client whose streams say nothing, and take what they are sent.
type silent struct {
	client.Client
	stream *silentStream
}

func (s *silent) NewRequest(string, string, any, ...client.RequestOption) client.Request { return nil }

func (s *silent) Stream(ctx context.Context, _ client.Request, _ ...client.CallOption) (client.Stream, error) {
	s.stream.ctx = ctx
	close(s.stream.opened)
	return s.stream, nil
}

// silentStream is a stream of a silent.
type silentStream struct {
	client.Stream
	ctx    context.Context
	opened chan struct{}
	took   atomic.Int64
	block  bool // nothing is taken
}

func (s *silentStream) Send(any) error {
	if s.block {
		<-s.ctx.Done()
		return s.ctx.Err()
	}
	s.took.Add(1)
	return nil
}

func (s *silentStream) Recv(any) error {
	<-s.ctx.Done()
	return s.ctx.Err()
}

func (s *silentStream) Close() error { return nil }

// peer is the client of a WebSocket, whose frames it reads and writes itself.
type peer struct {
	*testing.T
	conn   net.Conn
	in     *bufio.Reader
	stream *silentStream
	since  time.Time
}

// pipe is a listener of one connection.
type pipe struct{ conns chan net.Conn }

func (p pipe) Accept() (net.Conn, error) {
	if c, ok := <-p.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipe) Close() error   { return nil }
func (p pipe) Addr() net.Addr { return &net.TCPAddr{} }

// inBubble runs a test with a WebSocket in a bubble of synctest, where an hour takes
// no time.
func inBubble(t *testing.T, stream *silentStream, test func(p *peer), opts ...handler.Option) {
	synctest.Test(t, func(t *testing.T) {
		stream.opened = make(chan struct{})
		route := &router.Route{
			Service: "talk", Endpoint: &router.Endpoint{Name: "Talk.Echo", Handler: "rpc"},
			Versions: []*registry.Service{{Name: "talk", Endpoints: []*registry.Endpoint{{Name: "Talk.Echo", Metadata: map[string]string{"stream": "true"}}}}},
		}
		opts = append(opts, handler.WithClient(&silent{stream: stream}), handler.WithRouter(apitest.Fixed{Found: route}), handler.WithLogger(apitest.Quiet))
		here, there := net.Pipe()
		l := pipe{make(chan net.Conn, 1)}
		l.conns <- there
		var serving sync.WaitGroup
		served := rpc.NewHandler(opts...)
		serving.Go(func() {
			http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:errcheck // it ends with l
				serving.Add(1)
				defer serving.Done()
				served.ServeHTTP(w, r)
			}))
		})
		defer serving.Wait()
		defer close(l.conns)
		defer here.Close()
		p := &peer{T: t, conn: here, in: bufio.NewReader(here), stream: stream, since: time.Now()}
		p.upgrade()
		test(p)
	})
}

func (p *peer) upgrade() {
	p.Helper()
	if _, err := io.WriteString(p.conn, "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"); err != nil {
		p.Fatal(err)
	}
	rsp, err := http.ReadResponse(p.in, nil)
	if err != nil || rsp.StatusCode != http.StatusSwitchingProtocols {
		p.Fatal(rsp, err)
	}
	<-p.stream.opened
}

// write sends a frame, of which size bytes are announced.
func (p *peer) write(kind byte, payload []byte, size int) error {
	b := []byte{kind, 0x80 | 127}
	b = binary.BigEndian.AppendUint64(b, uint64(size))
	if size <= 125 {
		b = []byte{kind, 0x80 | byte(size)}
	}
	b = append(b, 0, 0, 0, 0) // the mask
	_, err := p.conn.Write(append(b, payload...))
	return err
}

// read returns the next frame.
func (p *peer) read() (kind byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(p.in, head[:]); err != nil {
		return 0, nil, err
	}
	payload = make([]byte, head[1]) // pings, pongs and ends are short
	_, err = io.ReadFull(p.in, payload)
	return head[0] &^ frameIsLast, payload, err
}

// readAll reads to the end, and returns how many frames of a kind there were and the
// code of the close frame, -1 without one.
func (p *peer) readAll(kind byte, each func(payload []byte)) (n int, code websocket.StatusCode) {
	code = -1
	for {
		k, payload, err := p.read()
		if err != nil {
			return n, code
		}
		if k == kind {
			n++
			each(payload)
		}
		if k == frameClose {
			code = websocket.StatusCode(binary.BigEndian.Uint16(payload))
		}
	}
}

// ended reports how long after its start the stream ended. It waits for that.
func (p *peer) ended() time.Duration {
	<-p.stream.ctx.Done()
	return time.Since(p.since)
}

func ignore([]byte) {}

func TestAClientThatAnswersNoPingLosesItsStream(t *testing.T) {
	inBubble(t, new(silentStream), func(p *peer) {
		pings, _ := p.readAll(framePing, ignore)
		if after := p.ended(); pings != 1 || after != time.Minute {
			p.Errorf("the stream ended after %v and %d pings, want a minute and one", after, pings)
		}
	})
}

func TestAClientThatAnswersPingsKeepsItsStream(t *testing.T) {
	inBubble(t, new(silentStream), func(p *peer) {
		for range 100 { // fifty minutes
			kind, payload, err := p.read()
			if err != nil || kind != framePing {
				p.Fatalf("after %v a frame of kind %d, %v", time.Since(p.since), kind, err)
			}
			if err := p.write(framePong|frameIsLast, payload, len(payload)); err != nil {
				p.Fatal(err)
			}
		}
		synctest.Wait()
		if err := p.stream.ctx.Err(); err != nil {
			p.Errorf("the stream has ended: %v", err)
		}
	})
}

func TestAClientStaysWhileItsFrameWaitsForTheService(t *testing.T) {
	inBubble(t, &silentStream{block: true}, func(p *peer) {
		go p.readAll(framePing, ignore)
		if err := p.write(frameText|frameIsLast, []byte("{}"), 2); err != nil {
			p.Fatal(err)
		}
		time.Sleep(time.Hour)
		if err := p.stream.ctx.Err(); err != nil {
			p.Errorf("the stream has ended: %v", err)
		}
	})
}

func TestAClientThatIsGoneLosesItsStreamThoughItsFrameWaitsForTheService(t *testing.T) {
	inBubble(t, &silentStream{block: true}, func(p *peer) {
		if err := p.write(frameText|frameIsLast, []byte("{}"), 2); err != nil {
			p.Fatal(err)
		}
		_ = p.conn.Close()
		if after := p.ended(); after > time.Minute {
			p.Errorf("the stream ended after %v", after)
		}
	})
}

func TestALargeMessageMayTakeLongerThanTheAnswerToAPing(t *testing.T) {
	inBubble(t, new(silentStream), func(p *peer) {
		go p.readAll(framePing, ignore)
		const size, second = 16 << 20, 100 << 10
		err := p.write(frameText|frameIsLast, nil, size)
		for sent := 0; sent < size && err == nil; sent += second {
			time.Sleep(time.Second)
			_, err = p.conn.Write(make([]byte, min(second, size-sent)))
		}
		synctest.Wait()
		if n := p.stream.took.Load(); err != nil || n != 1 {
			p.Errorf("the service got %d messages, the error %v", n, err)
		}
	})
}

// A message that never ends is held for as long as it lasts.
func TestAMessageThatComesTooSlowlyClosesTheWebSocket(t *testing.T) {
	for name, kind := range map[string]byte{"pieces of one byte": 1, "empty pieces": 0} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, new(silentStream), func(p *peer) {
				var code websocket.StatusCode
				reading := make(chan struct{})
				go func() {
					defer close(reading)
					_, code = p.readAll(framePing, ignore)
				}()
				err := p.write(frameText, []byte("{"), 1)
				for err == nil {
					time.Sleep(time.Second)
					err = errors.Join(p.write(frameMore, make([]byte, kind), int(kind)), p.write(framePong|frameIsLast, []byte("1"), 1))
				}
				<-reading
				if after := p.ended(); code != websocket.StatusPolicyViolation || after > time.Minute {
					p.Errorf("after %v the code is %d", after, code)
				}
			})
		})
	}
}

func TestAFloodOfPingsClosesTheWebSocket(t *testing.T) {
	for name, kind := range map[string]byte{"pings": framePing, "pongs": framePong} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, new(silentStream), func(p *peer) {
				var pongs int
				var code websocket.StatusCode
				reading := make(chan struct{})
				go func() {
					defer close(reading)
					pongs, code = p.readAll(framePong, ignore)
				}()
				sent := 0
				for p.write(kind|frameIsLast, []byte("x"), 1) == nil {
					sent++
				}
				<-reading
				if code != websocket.StatusPolicyViolation || sent > 1000 || pongs > 100 {
					p.Errorf("after %d the code is %d; %d were answered", sent, code, pongs)
				}
				p.ended()
			})
		})
	}
}

func TestAFewPingsASecondAreNoFlood(t *testing.T) {
	inBubble(t, new(silentStream), func(p *peer) {
		pongs := make(chan struct{}, 200)
		go p.readAll(framePong, func([]byte) { pongs <- struct{}{} })
		for range cap(pongs) {
			time.Sleep(125 * time.Millisecond)
			if err := p.write(framePing|frameIsLast, []byte("x"), 1); err != nil {
				p.Fatal(err)
			}
		}
		synctest.Wait()
		if len(pongs) != cap(pongs) {
			p.Errorf("%d of %d pings were answered", len(pongs), cap(pongs))
		}
	})
}

// Nobody asks whether a client that does not read is there: the answers say it.
func TestAClientThatPingsAndDoesNotReadLosesItsStream(t *testing.T) {
	inBubble(t, new(silentStream), func(p *peer) {
		for p.write(framePing|frameIsLast, []byte("x"), 1) == nil {
		}
		if after := p.ended(); after > time.Minute {
			p.Errorf("the stream ended after %v", after)
		}
	})
}

func TestTinyMessagesWaitForTheService(t *testing.T) {
	inBubble(t, &silentStream{block: true}, func(p *peer) {
		p.conn.SetWriteDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // of a pipe
		sent := 0
		for p.write(frameText|frameIsLast, []byte("{}"), 2) == nil {
			sent++
		}
		if sent > 10_000 {
			p.Errorf("%d messages were read ahead", sent)
		}
	})
}

func TestAFrameOverTheTotalOfTheHandlerClosesTheWebSocket(t *testing.T) {
	inBubble(t, new(silentStream), func(p *peer) {
		sent := make(chan error, 1)
		go func() { sent <- p.write(frameText|frameIsLast, make([]byte, 4000), 4000) }()
		if _, code := p.readAll(framePing, ignore); code != websocket.StatusTryAgainLater {
			p.Errorf("the code is %d", code)
		}
		<-sent
		p.ended()
	}, handler.WithMaxTotalSize(1000))
}

// What a frame announces is not believed.
func TestAFrameThatAnnouncesMoreThanTheLimitHoldsWhatHasCome(t *testing.T) {
	inBubble(t, new(silentStream), func(p *peer) {
		if err := p.write(frameText|frameIsLast, make([]byte, 4000), 1<<40); err != nil {
			p.Fatal(err)
		}
		if _, code := p.readAll(framePing, ignore); code != websocket.StatusPolicyViolation {
			p.Errorf("the code is %d", code)
		}
		if after := p.ended(); after > time.Minute {
			p.Errorf("the stream ended after %v", after)
		}
	}, handler.WithMaxTotalSize(8000))
}
