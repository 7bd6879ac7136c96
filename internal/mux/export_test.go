package mux

import "encoding/binary"

// Frame is a frame as tests write and read it.
type Frame struct {
	Kind    byte
	Flags   byte
	Socket  uint32
	Payload []byte
}

// Kinds and flags.
const (
	KindMessage = byte(kindMessage)
	KindWindow  = byte(kindWindow)
	KindClose   = byte(kindClose)
	KindReset   = byte(kindReset)
	KindPing    = byte(kindPing)
	KindPong    = byte(kindPong)
	KindGoAway  = byte(kindGoAway)

	FlagBegin    = flagBegin
	FlagOpen     = flagOpen
	FlagRepeat   = flagRepeat
	FlagLast     = flagLast
	FlagExchange = flagExchange

	ResetRefused = byte(resetRefused)

	HeadSize = headSize
)

// Append appends the frame to b.
func (f Frame) Append(b []byte) []byte {
	b = append(b, f.Kind, f.Flags)
	b = binary.BigEndian.AppendUint16(b, uint16(len(f.Payload)))
	b = binary.BigEndian.AppendUint32(b, f.Socket)
	return append(b, f.Payload...)
}

// Begin is the payload of the first frame of a message whose body has size bytes.
func Begin(flags byte, block string, size int, body []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(len(block)))
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	if flags&flagExchange != 0 {
		b = append(b, make([]byte, exchangeSize)...)
	}
	return append(append(b, block...), body...)
}

// Opened counts the sockets and calls that are open.
func (c *Conn) Opened() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.sockets) + len(c.calls)
}

// Held is what the connection holds for its peer.
func (c *Conn) Held() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.held - c.owed
}

// Led counts how often a receiver read for itself.
func (c *Conn) Led() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.turn.led
}

// Awaited counts those who wait for something to arrive, or read for themselves.
func (c *Conn) Awaited() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.turn.who == leading {
		return c.blocked + 1
	}
	return c.blocked
}

// Waiting counts the messages that wait for room, for credit or for their turn.
func (c *Conn) Waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.writer.line)
}
