package mux

import "encoding/binary"

const (
	headSize     = 8
	beginSize    = 6  // of the lengths at the start of a message
	exchangeSize = 16 // of an id and the time left

	// MaxPayload is the largest payload of a frame: with its head it has 64 KiB.
	MaxPayload = 64<<10 - headSize

	maxText = 256 // of a reset or goaway
)

// kind says what a frame is for.
type kind uint8

const (
	kindMessage kind = iota + 1
	kindWindow       // of a socket, or of the connection
	kindClose
	kindReset
	kindPing
	kindPong
	kindGoAway
)

// Flags of message frames.
const (
	flagBegin = 1 << iota
	flagOpen
	flagRepeat
	flagLast
	flagExchange
)

// Codes of reset frames.
const (
	resetCancelled = iota // the user closed the socket in the middle of a message
	resetRefused          // nothing was executed
	resetTooLarge         // a message is over the limit of the receiver
	resetOverload         // the receiver holds too much
)

// Codes of goaway frames.
const (
	goAwayDrain = iota // no new sockets
	goAwayEnd          // the connection is closed
)

// head is the start of a frame.
type head struct {
	kind   kind
	flags  uint8
	length int
	socket uint32
}

// has reports whether a flag is set.
func (h head) has(flag uint8) bool { return h.flags&flag != 0 }

// beginSize is the length of what precedes the header block.
func (h head) beginSize() int {
	if h.has(flagExchange) {
		return beginSize + exchangeSize
	}
	return beginSize
}

func appendHead(b []byte, h head) []byte {
	b = append(b, byte(h.kind), h.flags)
	b = binary.BigEndian.AppendUint16(b, uint16(h.length))
	return binary.BigEndian.AppendUint32(b, h.socket)
}

// parseHead reads the start of a frame and refuses what no frame starts with.
func parseHead(b []byte) (head, error) {
	_ = b[headSize-1]
	h := head{
		kind:   kind(b[0]),
		flags:  b[1],
		length: int(binary.BigEndian.Uint16(b[2:])),
		socket: binary.BigEndian.Uint32(b[4:]),
	}
	return h, h.check()
}

// lengths are the payload lengths that a kind may have, and whether it is
// about the connection.
var lengths = [...]struct {
	least, most int
	connection  bool
}{
	kindMessage: {0, MaxPayload, false},
	kindWindow:  {4, 4, false},
	kindClose:   {0, 0, false},
	kindReset:   {1, 1 + maxText, false},
	kindPing:    {8, 8, true},
	kindPong:    {8, 8, true},
	kindGoAway:  {5, 5 + maxText, true},
}

func (h head) check() error {
	if h.kind == 0 || int(h.kind) >= len(lengths) {
		return violated("unknown frame kind %d", h.kind)
	}
	rule := lengths[h.kind]
	switch {
	case h.length < rule.least || h.length > rule.most:
		return violated("frame of kind %d with a payload of %d bytes", h.kind, h.length)
	case h.kind != kindWindow && rule.connection != (h.socket == 0):
		return violated("frame of kind %d for socket %d", h.kind, h.socket)
	case h.kind != kindMessage:
		if h.flags != 0 {
			return violated("frame of kind %d with flags %#x", h.kind, h.flags)
		}
		return nil
	}
	return h.checkMessage()
}

func (h head) checkMessage() error {
	begins := h.has(flagBegin)
	switch {
	case h.flags >= flagExchange<<1, !begins && h.flags != 0, h.has(flagExchange) && !h.has(flagOpen):
		return violated("message frame with flags %#x", h.flags)
	case h.flags&(flagOpen|flagLast) == flagOpen|flagLast && !h.has(flagExchange):
		return violated("message frame with flags %#x", h.flags)
	case begins && h.length < h.beginSize():
		return violated("message of %d bytes, too short for its lengths", h.length)
	case !begins && h.length == 0:
		return violated("empty continuation of a message")
	}
	return nil
}

// appendReset appends a reset frame.
func appendReset(b []byte, socket uint32, code byte, text string) []byte {
	text = text[:min(len(text), maxText)]
	b = appendHead(b, head{kind: kindReset, length: 1 + len(text), socket: socket})
	b = append(b, code)
	return append(b, text...)
}

// appendGoAway appends a goaway frame.
func appendGoAway(b []byte, code byte, last uint32, text string) []byte {
	text = text[:min(len(text), maxText)]
	b = appendHead(b, head{kind: kindGoAway, length: 5 + len(text)})
	b = append(b, code)
	b = binary.BigEndian.AppendUint32(b, last)
	return append(b, text...)
}

func appendWindow(b []byte, socket uint32, credit int) []byte {
	b = appendHead(b, head{kind: kindWindow, length: 4, socket: socket})
	return binary.BigEndian.AppendUint32(b, uint32(credit))
}

func appendClose(b []byte, socket uint32) []byte {
	return appendHead(b, head{kind: kindClose, socket: socket})
}

func appendPing(b []byte, k kind, payload uint64) []byte {
	b = appendHead(b, head{kind: k, length: 8})
	return binary.BigEndian.AppendUint64(b, payload)
}
