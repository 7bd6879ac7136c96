package testkit

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2/hpack"
)

// Kinds and flags of HTTP/2 frames.
const (
	H2Data      = 0x0
	H2Headers   = 0x1
	H2Reset     = 0x3
	H2Settings  = 0x4
	H2Ping      = 0x6
	H2GoAway    = 0x7
	H2EndStream = 0x1
	H2Ack       = 0x1

	// H2Calm is the code of a go-away to a peer that makes too much work.
	H2Calm = 0xb
)

// H2Conn is an HTTP/2 connection on which a test sends the frames it
// likes.
type H2Conn struct {
	net.Conn
	header bytes.Buffer
	hpack  *hpack.Encoder
	stream uint32
}

// H2Preface is what a client begins with (RFC 9113, section 3.4), empty settings
// included.
const H2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + "\x00\x00\x00\x04\x00\x00\x00\x00\x00"

// H2Frame is a frame that was read.
type H2Frame struct {
	Kind, Flags byte
	Stream      uint32
	Payload     []byte
}

// DialH2 connects to addr without TLS and sends the preface.
func DialH2(t testing.TB, addr string) *H2Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return NewH2(t, conn)
}

// NewH2 sends the preface over a connection, which ends with the test.
func NewH2(t testing.TB, conn net.Conn) *H2Conn {
	t.Helper()
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute)) //nolint:errcheck // a closed connection fails the write
	c := &H2Conn{Conn: conn}
	c.hpack = hpack.NewEncoder(&c.header)
	if _, err := io.WriteString(conn, H2Preface); err != nil {
		t.Fatal(err)
	}
	return c
}

// AppendFrame appends a frame.
func AppendFrame(b []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	n := len(payload)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), kind, flags)
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// AppendReset appends the frame with which a peer cancels a stream.
func AppendReset(b []byte, stream uint32) []byte {
	return AppendFrame(b, H2Reset, 0, stream, []byte{0, 0, 0, 8})
}

// Frame sends a frame.
func (c *H2Conn) Frame(kind, flags byte, stream uint32, payload []byte) error {
	_, err := c.Write(AppendFrame(nil, kind, flags, stream, payload))
	return err
}

// Open appends the frame that opens the next stream: a POST of the path with
// further headers by pairs, and with a body to come unless end is set.
func (c *H2Conn) Open(b []byte, end bool, path string, headers ...string) (_ []byte, stream uint32) {
	c.stream = max(1, c.stream+2) | 1
	c.header.Reset()
	fields := append([]string{":method", "POST", ":scheme", "http", ":authority", "a", ":path", path}, headers...)
	for i := 0; i < len(fields); i += 2 {
		c.hpack.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]}) //nolint:errcheck // to a buffer
	}
	flags := byte(0x4) // all headers are in this frame
	if end {
		flags |= H2EndStream
	}
	return AppendFrame(b, H2Headers, flags, c.stream, c.header.Bytes()), c.stream
}

// ReadFrame reads a frame.
func (c *H2Conn) ReadFrame() (H2Frame, error) {
	var head [9]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return H2Frame{}, err
	}
	f := H2Frame{Kind: head[3], Flags: head[4], Stream: binary.BigEndian.Uint32(head[5:])}
	f.Payload = make([]byte, binary.BigEndian.Uint32(head[:])>>8)
	_, err := io.ReadFull(c, f.Payload)
	return f, err
}

// OpenAndReset opens the next stream and resets it at once.
func (c *H2Conn) OpenAndReset() error {
	b, stream := c.Open(nil, true, "/")
	_, err := c.Write(AppendReset(b, stream))
	return err
}

// ResetFlood is what a client sends, from the preface on, that resets each of its
// requests at once.
func ResetFlood(requests int) []byte {
	b := []byte(H2Preface)
	c := new(H2Conn)
	c.hpack = hpack.NewEncoder(&c.header)
	for range requests {
		var stream uint32
		b, stream = c.Open(b, true, "/", "micro-endpoint", "Echo.Call")
		b = AppendReset(b, stream)
	}
	return b
}

// End reads until the connection ends and returns the code of the last go-away, or -1
// if there was none.
func (c *H2Conn) End() (code int) {
	code = -1
	for {
		f, err := c.ReadFrame()
		if err != nil {
			return code
		}
		if f.Kind == H2GoAway && len(f.Payload) >= 8 {
			code = int(binary.BigEndian.Uint32(f.Payload[4:]))
		}
	}
}

// Flood sends something again and again until the connection ends, see End.
func (c *H2Conn) Flood(send func() error) (code int) {
	var sending sync.WaitGroup
	sending.Go(func() {
		for send() == nil {
		}
	})
	code = c.End()
	c.Close()
	sending.Wait()
	return code
}
