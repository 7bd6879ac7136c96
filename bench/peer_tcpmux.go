package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// tcpMuxPeer is the other ceiling: the body alone behind a length and the
// number of its caller, over one TCP connection for all callers, on which
// messages that wait together are written together.
func tcpMuxPeer() peer {
	return peer{name: "tcp-mux", ceiling: true, cases: []string{caseUnary}, serve: serveTCPMux, dial: dialTCPMux}
}

// muxHeader is a length and a caller's number.
const muxHeader = 8

type tcpMuxSession struct {
	conn    net.Conn
	out     *coalescer
	replies []chan int
	done    chan struct{} // closed when nothing more is read
	running *sync.WaitGroup
}

func serveTCPMux(s setup) (*endpoint, error) { return s.accept(echoTCPMux) }

func dialTCPMux(s setup, address string) (session, error) {
	conn, err := s.dial(address)
	if err != nil {
		return nil, err
	}
	t := &tcpMuxSession{conn: conn, out: &coalescer{w: conn}, running: new(sync.WaitGroup), done: make(chan struct{})}
	for range s.callers {
		t.replies = append(t.replies, make(chan int, 1))
	}
	t.running.Go(t.receive)
	return t, nil
}

func echoTCPMux(c net.Conn) {
	defer func() { _ = c.Close() }() // the client has gone already
	in, out := bufio.NewReaderSize(c, 64<<10), &coalescer{w: c}
	var body []byte
	for {
		caller, got, err := readMux(in, body)
		if err != nil {
			return
		}
		body = got
		// What is left in the reader is answered in the same write.
		if err := out.send(caller, body, in.Buffered() == 0); err != nil {
			return
		}
	}
}

// readMux reads a message into body, or into a larger one.
func readMux(in *bufio.Reader, body []byte) (caller uint32, _ []byte, err error) {
	header, err := in.Peek(muxHeader)
	if err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(header)
	caller = binary.BigEndian.Uint32(header[4:])
	if size > maxBody {
		return 0, nil, fmt.Errorf("tcp-mux: message of %d bytes is over %d", size, maxBody)
	}
	_, _ = in.Discard(muxHeader) // it was peeked at
	if uint32(cap(body)) < size {
		body = make([]byte, size)
	}
	body = body[:size]
	_, err = io.ReadFull(in, body)
	return caller, body, err
}

func (t *tcpMuxSession) receive() {
	defer close(t.done)
	in := bufio.NewReaderSize(t.conn, 64<<10)
	var body []byte
	for {
		caller, got, err := readMux(in, body)
		if err != nil || int(caller) >= len(t.replies) {
			return
		}
		body = got
		t.replies[caller] <- len(body)
	}
}

func (t *tcpMuxSession) call(_ context.Context, caller int, m *echopb.Message) (int, error) {
	if err := t.out.send(uint32(caller), m.Body, true); err != nil {
		return 0, err
	}
	select {
	case n := <-t.replies[caller]:
		return n, nil
	case <-t.done:
		return 0, net.ErrClosed
	}
}

func (t *tcpMuxSession) close() error {
	err := t.conn.Close()
	t.running.Wait()
	return err
}

// A coalescer joins messages into fewer writes: who finds it idle writes, for
// all that come meanwhile.
type coalescer struct {
	w io.Writer

	mu      sync.Mutex
	pending []byte // what waits to be written
	spare   []byte // the buffer that pending trades places with
	writing bool
	err     error
}

// send queues a message, and writes what is queued if flush is set and nobody
// else is writing.
func (c *coalescer) send(caller uint32, body []byte, flush bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pending = binary.BigEndian.AppendUint32(c.pending, uint32(len(body)))
	c.pending = binary.BigEndian.AppendUint32(c.pending, caller)
	c.pending = append(c.pending, body...)
	if !flush || c.writing {
		return c.err
	}
	c.writing = true
	c.yield()
	for len(c.pending) > 0 && c.err == nil {
		c.write()
	}
	c.writing = false
	return c.err
}

// yield lets those who are about to send join this write.
func (c *coalescer) yield() {
	c.mu.Unlock()
	runtime.Gosched()
	c.mu.Lock()
}

// write writes what is pending, with the lock released meanwhile.
func (c *coalescer) write() {
	out := c.pending
	c.pending, c.spare = c.spare[:0], nil
	c.mu.Unlock()
	_, err := c.w.Write(out)
	c.mu.Lock()
	c.spare = out
	c.err = err
}
