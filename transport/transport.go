// Package transport carries messages between two processes. It is the seam
// below the client and the server: both are written against the interfaces of
// this file, so a plugin that implements them gets the same client and server.
//
// Two implementations are built in. NewHTTPTransport is the default: every
// message is one HTTP/1.1 message on a persistent connection, which any HTTP
// client, proxy or go-micro v4 peer understands; two processes of this project
// agree to share one connection for all their sockets. NewMemoryTransport connects
// the parts of one process, for tests and for programs that are their own peer.
//
//	l, _ := transport.DefaultTransport.Listen("127.0.0.1:0")
//	go l.Accept(func(s transport.Socket) {
//		for {
//			var m transport.Message
//			if err := s.Recv(&m); err != nil {
//				return
//			}
//			s.Send(&m)
//		}
//	})
//	c, _ := transport.DefaultTransport.Dial(l.Addr())
//	c.Send(&transport.Message{Body: []byte("hello")})
//
// A socket is full duplex: messages arrive in the order in which they were
// sent, and none has to be answered. Package transporttest holds the rules of
// this file as a test suite for other implementations.
package transport

import (
	"context"
	"errors"
	"github.com/justcy/go-micro/v4/internal/wire"
	"time"
)

var (
	// DefaultTransport is what a client or a server uses that is given no
	// other. It is read when they are constructed.
	DefaultTransport Transport = NewHTTPTransport()

	// DefaultDialTimeout limits a Dial without WithTimeout.
	DefaultDialTimeout = 5 * time.Second
)

var (
	// ErrNotSent is wrapped by errors of Dial, Send and Recv after which the
	// peer has certainly executed nothing of the message: the address could
	// not be dialled or refused, the write failed before the whole message was
	// handed to the operating system, the connection was found closed before
	// anything was written, or a peer that is shutting down refused the
	// socket. The caller may send the message to another peer even when it
	// must not be executed twice. An error that does not wrap ErrNotSent says
	// nothing about what the peer did.
	ErrNotSent = wire.ErrNotSent

	// ErrMessageTooLarge is wrapped by errors of Send and Recv about a message
	// whose body exceeds Options.MaxMessageSize or whose headers exceed
	// MaxHeaderSize, by the limits of this end or of the peer. A Send that fails
	// with it has written nothing and leaves the socket usable, unless it is the
	// peer that refused, a StatusError for instance; a Recv that fails with it
	// ends the socket.
	ErrMessageTooLarge = wire.ErrTooLarge

	// ErrNilMessage is returned by Send and Recv when they are given nil.
	ErrNilMessage = errors.New("message passed in is nil")
)

const (
	// DefaultMaxMessageSize is the body size, in bytes, up to which messages
	// are sent and accepted when Options.MaxMessageSize is not set.
	DefaultMaxMessageSize = 16 << 20

	// DefaultMaxConnBytes is what is held for the peer of one multiplexed
	// connection, in bytes, when Options.MaxConnBytes is not set.
	DefaultMaxConnBytes = 64 << 20

	// DefaultMaxTotalBytes is what a listener holds for all its connections, in
	// bytes, when Options.MaxTotalBytes is not set.
	DefaultMaxTotalBytes = 512 << 20

	// MaxHeaderSize limits the header block of one message, in bytes as it
	// stands on the wire: names, values and separators together.
	MaxHeaderSize = 64 << 10

	// DefaultHandshakeTimeout limits, when Options.HandshakeTimeout is not
	// set, how long a peer may take for the TLS handshake and for each
	// message's headers.
	DefaultHandshakeTimeout = 5 * time.Second

	// DefaultPingInterval is how long, when Options.PingInterval is not set,
	// the peer of a multiplexed connection may be silent until it is asked for
	// a sign of life.
	DefaultPingInterval = 15 * time.Second
)

// Transport makes connections. Its methods may be called concurrently.
type Transport interface {
	// Init applies options to what is dialled and listened on afterwards.
	Init(...Option) error
	// Options returns a copy of the options in force. What its pointers and
	// interfaces refer to is shared, and not to be changed.
	Options() Options
	// Dial connects to addr, the Addr of a listener. It returns when the
	// connection stands or after the dial timeout (WithTimeout, else
	// DefaultDialTimeout) or when the context of WithContext is done. Its
	// errors wrap ErrNotSent.
	Dial(addr string, opts ...DialOption) (Client, error)
	// Listen reserves addr, "host:port". Port 0 picks a free one; "host:min-max"
	// picks the first free one of a range. Connections wait until Accept.
	Listen(addr string, opts ...ListenOption) (Listener, error)
	// String names the implementation, "http" for instance.
	String() string
}

// Message is what a socket carries.
//
// Send keeps neither the message nor its map nor its body once it has
// returned: the caller may change and reuse all three. Recv overwrites both
// fields with a fresh map, never nil, and a fresh body, which are the caller's
// to keep.
type Message struct {
	// Header names are case-insensitive. HTTP delivers them in canonical form
	// ("Micro-Id"), others may deliver the sender's spelling ("Micro-ID").
	//
	// Names and values obey RFC 9110, section 5, however a message travels.
	// What is no name (a token) is not sent, pseudo headers such as ":path" over
	// HTTP/2 and in memory aside. In a value each control character but tab is
	// sent as a space, and the blanks around it are not sent. A peer that sends
	// a line break or a NUL all the same is refused.
	Header map[string]string
	Body   []byte
}

// Socket is one end of a connection. Send, Recv and Close may be called
// concurrently; concurrent Sends do not mix their bytes, and concurrent Recvs
// each get a whole message. The socket of a Listener may implement Piecewise.
type Socket interface {
	// Recv blocks until a message arrives and stores it in m. It returns
	// io.EOF when either end has closed the socket and everything that
	// arrived before has been received.
	Recv(m *Message) error
	// Send writes m and returns when the operating system, or the peer, has
	// taken all of it. It returns io.EOF, having sent nothing, after Close.
	Send(m *Message) error
	// Close ends the socket and unblocks a pending Send or Recv on it, which
	// then return io.EOF. Closing again does nothing and returns nil.
	Close() error
	// Local is the address of this end.
	Local() string
	// Remote is the address of the other end.
	Remote() string
}

// Client is the end of a connection that dialled. It may implement Reuser.
type Client interface {
	Socket
}

// Listener accepts connections. It may implement Drainer and Shutdowner.
type Listener interface {
	// Addr is the address to dial, with the port that was picked.
	Addr() string
	// Close stops accepting, closes every socket of the listener and waits
	// for the accept functions to return, though no longer than five seconds.
	// It is idempotent and may be called while Accept runs.
	Close() error
	// Accept calls fn for each connection, in a goroutine of its own, and
	// blocks until Close, when it returns nil. The socket is fn's: it is
	// closed when fn returns. A panic in fn is logged and closes that socket
	// alone. Accept is called once.
	Accept(fn func(Socket)) error
}

// Drainer is optionally implemented by a Listener that can be emptied before
// it is closed.
type Drainer interface {
	// Drain stops accepting connections at once and lets peers know that they
	// should dial elsewhere: over plain HTTP every reply from then on carries
	// "Connection: close", and on a multiplexed connection sockets that are
	// opened from then on are refused with ErrNotSent. Sockets that are open go on working until Close,
	// and Accept keeps blocking until then. Drain is idempotent; it does not
	// wait for anything.
	Drain() error
}

// Shutdowner is optionally implemented by a Listener whose connections can be
// ended without loss of what was sent on them.
type Shutdowner interface {
	// Shutdown stops accepting, ends the sending side of every connection after
	// all that was sent, and waits until the peers have ended theirs, which
	// they do when they have received it. Messages that still arrive are for
	// the accept functions. It returns nil when all connections have ended, and
	// the error of ctx if that is done before; Close then ends the rest. It may
	// be called again, and while Accept runs.
	Shutdown(ctx context.Context) error
}

// Reuser is optionally implemented by a Client. A pool asks it before it hands
// out and before it takes back a connection.
type Reuser interface {
	// Reusable reports whether the connection can carry another exchange. It
	// is false after Close, after any error, when the peer announced or has
	// done the closing of its side, and when something arrived that nobody
	// received. It does not block and must not be called while a Send or a
	// Recv is pending whose message matters.
	Reusable() bool
}

// Piecewise is optionally implemented by a Socket under which there is a stream
// of bytes and not of messages, such as the body of an HTTP/2 request. Its Recv
// returns the bytes of one request as they arrive, each piece with all of the
// request's headers. Messages may begin and end within a piece. An io.EOF from
// Recv says that the request is complete; replies can still be sent.
type Piecewise interface {
	// Context ends when nobody waits for replies any more, which Recv cannot
	// tell once the request is complete.
	Context() context.Context
}
