// Package mux carries many exchanges over one connection: calls, of one request
// and one reply, and sockets, on which messages go both ways. A message is a set
// of headers and a body. Neither costs a handshake, a file descriptor or a
// goroutine.
//
// # Frames
//
// After Preface, which the end that dialled sends before its first frame, both
// ends send frames and nothing else. A frame is eight bytes, then up to
// MaxPayload bytes of payload:
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
//     with flag exchange an id (8 bytes) and the nanoseconds that the caller has
//     left (8 bytes, 0 for no limit), the header block, and as much of the body
//     as the sender likes. Message frames without the flag continue the body.
//     Flag open, on the first message of a socket, opens it; only the end that
//     dialled does so. Flag last says that the sender sends no other message on
//     the socket. Flag exchange, beside open, says that everything on the socket
//     belongs to one exchange; the message's id and time left are no headers
//     then. Flag repeat says that the headers are those of an earlier message.
//   - window: 4 bytes of further credit for the socket, or the connection.
//   - close: the sender has closed its end. It sends no more and receives no
//     more; what it sent before is still valid.
//   - reset: a code and a text. The socket ends at once. Code refused says
//     that nothing of what was sent on it was executed.
//   - ping, pong: 8 bytes, which pong repeats.
//   - goaway: a code, the number of the last socket that was taken (4 bytes)
//     and a text. No socket can be opened any more. With code drain those that
//     were taken go on, and nothing of the others was executed; any other code
//     announces that the connection is closed and says why.
//
// # Repeated headers
//
// Header blocks are those of package wire. The messages of a call (flag last)
// repeat a block that the sender sent lately in a message with flag last: both
// ends remember the last four of these that were neither empty nor longer than
// 2 KiB, and one byte takes the place of the block, which of them it is. Any
// other message repeats the last block that was sent on its socket in its
// direction, if that was neither empty nor longer than 2 KiB, and has none of
// its own.
//
// # Credit
//
// What an end has to hold for the other one is bounded by credit. A message
// costs MessageCost, the bytes of its block as it is sent and all bytes that it
// announces for its body; the one that opens a socket costs OpenCost beside that
// until the socket has ended. A sender needs all of it before it begins. Each direction of
// a connection starts with InitialCredit; the receiver raises it to its own
// limit with its first frame, which is a window for socket 0, and gives credit
// back when what the message held is free: when the user has received a message,
// when a request is answered. What opens an exchange of several messages counts
// until its body was taken, and a header block of it that is longer than 2 KiB
// until the end. What was sent before there were frames costs the same if it opened
// an exchange, apart from its headers, and nothing otherwise. Each direction of a
// socket that is no call starts with Window bytes of credit as well, for all messages
// but the one that opens an exchange. A message can begin when any of it is left, so
// that a slow user stops the one sender it does not keep up with.
//
// # Bounds
//
// What an end holds for a peer is limited for each connection by
// Config.MaxBuffered and for all that share it by Config.Budget: when that is
// used up, what is begun is refused. What waits to be written is limited too. A
// peer that breaks a rule of this page ends its connection, and is told why.
package mux

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"time"

	"github.com/justcy/go-micro/v4/internal/budget"
	"github.com/justcy/go-micro/v4/internal/wire"
)

// Protocol names the protocol in an Upgrade header and in ALPN. Its number changes
// when ends that do not know of a change would misunderstand each other: they find
// no protocol in common then, and speak plain HTTP.
const Protocol = Family + "2"

// Family is what the names of all versions of the protocol begin with.
const Family = "micro-mux/"

// Preface is what the end that dialled sends before its first frame. It cannot
// be taken for the first line of an HTTP message.
const Preface = Protocol + "\r\n"

const (
	// InitialCredit is the credit, in bytes, with which a direction of a
	// connection starts.
	InitialCredit = 1 << 20
	// Window is the credit with which a direction of a socket starts.
	Window = 256 << 10
	// MessageCost is what a message costs beside its headers and its body, so
	// that empty ones cannot be sent without end.
	MessageCost = 64
	// OpenCost is what a socket costs: about what an end needs to serve it.
	OpenCost = 4 << 10

	// MaxSockets is how many sockets one connection may have open.
	MaxSockets = 1 << 14
)

// Defaults of Config.
const (
	DefaultMaxMessage  = 16 << 20
	DefaultMaxBuffered = 64 << 20
	DefaultPing        = 15 * time.Second
)

// ErrFull says that the connection takes no more sockets.
var ErrFull = errors.New("no more sockets on this connection")

// Config configures a connection.
type Config struct {
	// Conn is what the frames travel on. The Conn owns it.
	Conn net.Conn
	// Accept is called, at the end that listened and nowhere else, for each
	// socket that the peer opens, with the message that opened it. The goroutine
	// that reads calls it when here is true, and another one reads on if it
	// takes long; otherwise it must not wait for anything.
	Accept func(s *Socket, h wire.Header, body []byte, here bool)
	// MaxMessage limits the body of a message in bytes, both ways.
	// Zero: DefaultMaxMessage.
	MaxMessage int
	// MaxBuffered limits what this end holds for its peer, in bytes. It is at
	// least InitialCredit and twice MaxMessage. Zero: DefaultMaxBuffered.
	MaxBuffered int
	// Budget limits what this and other connections hold together, nil for no
	// limit.
	Budget *budget.Budget
	// Opened is what the message costs that opened the first socket, if that is an
	// exchange: OpenCost and the size of its body. It was sent before there were
	// frames, and counts like what opens any other, at both ends; see FirstExchange.
	Opened int
	// MaxSockets limits the open sockets. Zero: MaxSockets. A smaller number is
	// for tests: peers count on MaxSockets.
	MaxSockets int
	// SendLimit and RecvLimit end a Send and a Recv of a socket that take
	// longer. Zero: no limit.
	SendLimit, RecvLimit time.Duration
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
		c.MaxBuffered = DefaultMaxBuffered
	}
	c.MaxBuffered = min(max(c.MaxBuffered, InitialCredit, 2*c.MaxMessage), math.MaxInt32)
	if c.MaxSockets <= 0 {
		c.MaxSockets = MaxSockets
	}
	if c.Ping == 0 {
		c.Ping = DefaultPing
	}
}

// violation is a breach of the protocol by the peer.
type violation string

func (v violation) Error() string { return "protocol violation: " + string(v) }

func violated(format string, args ...any) error {
	return violation(fmt.Sprintf(format, args...))
}

var (
	errClosed   = errors.New("the connection is closed")
	errDraining = wire.Refused(errors.New("the peer is shutting down and takes no new sockets"))
)

func timedOut(what string, limit time.Duration) error {
	return fmt.Errorf("%s: nothing happened for %v: %w", what, limit, os.ErrDeadlineExceeded)
}

// signal leaves a token in a channel with room for one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
