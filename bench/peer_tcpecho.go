package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/justcy/go-micro/bench/internal/echopb"
)

// tcpEchoPeer is a ceiling: the body alone behind a length, over one TCP
// connection a caller, with one write for each direction.
func tcpEchoPeer() peer {
	return peer{name: "tcp-echo", ceiling: true, cases: []string{caseUnary}, serve: serveTCPEcho, dial: dialTCPEcho}
}

const lengthSize = 4

// maxBody bounds what a plain TCP echo accepts.
const maxBody = 64 << 20

type tcpEchoSession struct{ conns []*tcpEchoConn }

// tcpEchoConn is one caller's connection and its buffer.
type tcpEchoConn struct {
	net.Conn
	buffer []byte
}

func serveTCPEcho(s setup) (*endpoint, error) {
	return s.accept(func(c net.Conn) { echoTCP(&tcpEchoConn{Conn: c}) })
}

func dialTCPEcho(s setup, address string) (session, error) {
	t := new(tcpEchoSession)
	for range s.callers {
		c, err := s.dial(address)
		if err != nil {
			return nil, errors.Join(err, t.close())
		}
		t.conns = append(t.conns, &tcpEchoConn{Conn: c})
	}
	return t, nil
}

func echoTCP(c *tcpEchoConn) {
	defer func() { _ = c.Close() }() // the caller has gone already
	for {
		if _, err := c.read(); err != nil {
			return
		}
		if _, err := c.Write(c.buffer); err != nil {
			return
		}
	}
}

// read fills the buffer with a message, its length included, and returns the
// length of the body. One read is enough for a short message.
func (c *tcpEchoConn) read() (int, error) {
	c.room(max(cap(c.buffer), 4096))
	n, err := io.ReadAtLeast(c.Conn, c.buffer, lengthSize)
	if err != nil {
		return 0, err
	}
	size := binary.BigEndian.Uint32(c.buffer)
	if size > maxBody {
		return 0, fmt.Errorf("tcp-echo: message of %d bytes is over %d", size, maxBody)
	}
	want := lengthSize + int(size)
	got := n
	if want > len(c.buffer) {
		grown := make([]byte, want)
		copy(grown, c.buffer[:got])
		c.buffer = grown
	}
	c.buffer = c.buffer[:want]
	if got < want {
		_, err = io.ReadFull(c.Conn, c.buffer[got:])
	}
	return int(size), err
}

func (c *tcpEchoConn) room(n int) {
	if cap(c.buffer) < n {
		c.buffer = make([]byte, n)
	}
	c.buffer = c.buffer[:n]
}

func (t *tcpEchoSession) call(_ context.Context, caller int, m *echopb.Message) (int, error) {
	c := t.conns[caller]
	c.room(lengthSize + len(m.Body))
	binary.BigEndian.PutUint32(c.buffer, uint32(len(m.Body)))
	copy(c.buffer[lengthSize:], m.Body)
	if _, err := c.Write(c.buffer); err != nil {
		return 0, err
	}
	return c.read()
}

func (t *tcpEchoSession) close() error {
	var err error
	for _, c := range t.conns {
		err = errors.Join(err, c.Close())
	}
	return err
}
