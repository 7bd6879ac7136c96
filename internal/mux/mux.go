// Package mux carries many sockets over one connection. A socket transports
// ordered messages, each a set of headers and a body, in both directions; it
// costs neither a handshake nor a file descriptor.
//
// # Frames
//
// After Preface, which the end that dialled sends, both ends send frames and
// nothing else. A frame is eight bytes, then up to MaxPayload bytes of payload:
//
//	byte 0     kind
//	byte 1     flags
//	bytes 2-3  length of the payload, big endian like all numbers
//	bytes 4-7  socket, 0 for frames about the connection
//
// The kinds are:
//
//   - message: with flag begin it starts a message. Its payload then is the
//     length of the header block (2 bytes), the length of the body (4 bytes),
//     the whole header block, and as much of the body as the sender likes.
//     Message frames without the flag continue the body. Flag open, on the
//     first message of a socket, opens it; only the end that dialled does so.
//     Flag repeat says that the block has only what differs from an earlier one.
//   - window: 4 bytes of further credit for the socket.
//   - close: the sender has closed its end. It sends no more and receives no
//     more; what it sent before is still valid.
//   - reset: a code and a text. The socket ends at once. Code refused says
//     that nothing of what was sent on it was executed.
//   - ping, pong: 8 bytes, which pong repeats.
//   - goaway: a code and a text. No socket can be opened any more. With code
//     drain those that are open go on; any other code announces that the
//     connection is closed and says why.
//
// # Header block
//
// A block is a sequence of names and values. A name is one byte, its number in
// the static table, or 0 and the name with its length before it; a value is its
// length and its bytes. Lengths are unsigned varints.
//
// Both ends of a direction of a socket remember one block: the last that was
// neither empty, nor longer than 2 KiB, nor sent with flag repeat. A message
// with that flag has the headers of the remembered block, except that those in
// its own block are added to them or take their place. Thus the messages of a
// stream carry no headers, and the calls of a client those that tell them
// apart. There is no other state, and none that sockets share: no message
// unfolds to more than the sizes of two blocks plus the names of the table.
//
// # Credit
//
// Each direction of a socket starts with Window bytes of credit. A message
// costs messageCost and a byte for each of its payload. The receiver returns
// credit when its user has received messages, so a slow user stops the one
// sender it does not keep up with. A message larger than the window gets the
// credit for all of it at once when the user waits for it or watches the socket.
//
// # Bounds
//
// What waits in memory is limited for each socket by its window, or the one
// large message that its user waits for, and for each connection by
// Config.MaxBuffered: beyond it the socket that holds most is reset. What waits
// to be written is limited too. A peer that breaks a rule of this page ends its
// connection, and is told why.
package mux

import (
	"errors"
	"fmt"
	"net"
	"time"
)

// Protocol names the protocol in an Upgrade header and in ALPN.
const Protocol = "micro-mux/1"

// Preface is what the end that dialled sends before its first frame. It cannot
// be taken for the first line of an HTTP message.
const Preface = Protocol + "\r\n"

const (
	// Window is the credit, in bytes, with which a direction of a socket starts.
	Window = 256 << 10

	// MaxSockets is how many sockets one connection may have open.
	MaxSockets = 1 << 14

	// MaxHeader limits the headers of one message in bytes, counted as if each
	// were a line of an HTTP message.
	MaxHeader = 64 << 10

	// MaxHeaders limits the number of headers of one message.
	MaxHeaders = 512
)

// Defaults of Config.
const (
	DefaultMaxMessage  = 16 << 20
	DefaultMaxBuffered = 64 << 20
	DefaultPing        = 15 * time.Second
)

var (
	// ErrNotSent is wrapped by errors after which the peer has executed nothing
	// of the message: it was not written, or the peer refused the socket.
	ErrNotSent = errors.New("message not sent")
	// ErrTooLarge is wrapped by errors about a message beyond a limit.
	ErrTooLarge = errors.New("message too large")
	// ErrFull says that the connection takes no more sockets.
	ErrFull = errors.New("no more sockets on this connection")
)

// Message is what a socket carries.
type Message struct {
	Header map[string]string
	Body   []byte
}

// Config configures a connection.
type Config struct {
	// Conn is what the frames travel on. The Conn owns it.
	Conn net.Conn
	// Server is set at the end that listened.
	Server bool
	// Accept is called for each socket that the peer opens, by the goroutine
	// that reads: it must not block. Server only.
	Accept func(*Socket)
	// MaxMessage limits the body of a message in bytes, both ways.
	// Zero: DefaultMaxMessage.
	MaxMessage int
	// MaxBuffered limits what all sockets together hold for their users, in
	// bytes. Zero: DefaultMaxBuffered, or four times MaxMessage if that is more.
	MaxBuffered int
	// MaxSockets limits the open sockets. Zero: MaxSockets. A smaller number is
	// for tests: peers count on MaxSockets.
	MaxSockets int
	// Ping is how long the peer may be silent until it is asked for a sign of
	// life, and how long it then has to give one. Zero: DefaultPing; below
	// zero: never.
	Ping time.Duration
	// Idle is how long the connection stays open without a socket. Zero: for
	// ever.
	Idle time.Duration
}

func (c *Config) setDefaults() {
	if c.MaxMessage <= 0 {
		c.MaxMessage = DefaultMaxMessage
	}
	if c.MaxBuffered <= 0 {
		c.MaxBuffered = max(DefaultMaxBuffered, 4*c.MaxMessage)
	}
	if c.MaxSockets <= 0 {
		c.MaxSockets = MaxSockets
	}
	if c.Ping == 0 {
		c.Ping = DefaultPing
	}
}

// notSent marks an error after which the peer has executed nothing.
type notSent struct{ cause error }

func (e notSent) Error() string   { return e.cause.Error() }
func (e notSent) Unwrap() []error { return []error{ErrNotSent, e.cause} }

// violation is a breach of the protocol by the peer.
type violation string

func (v violation) Error() string { return "protocol violation: " + string(v) }

func violated(format string, args ...any) error {
	return violation(fmt.Sprintf(format, args...))
}
