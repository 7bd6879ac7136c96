package wire

import (
	"time"

	"github.com/justcy/go-micro/v4/transport/headers"
)

// Carrier is a socket that sends and receives headers without maps.
type Carrier interface {
	// SendFields sends a message with the given headers and keeps nothing of it.
	SendFields(fields []Field, body []byte) error
	// RecvHeader receives a message. Header and body are the caller's.
	RecvHeader(h *Header) (body []byte, err error)
}

// Request is the first message of an exchange.
type Request struct {
	ID     uint64
	Left   time.Duration // that the caller has, 0 for no limit
	Fields []Field       // the other headers
	Body   []byte
}

// AppendAll appends all headers of the request.
func (r *Request) AppendAll(fields []Field) []Field {
	fields = append(fields, r.Fields...)
	fields = append(fields, Field{headers.ID, FormatID(r.ID)})
	if r.Left > 0 {
		fields = append(fields, Field{headers.Timeout, Timeout(r.Left)})
	}
	return fields
}

// Reply is the one message that answers a call.
type Reply struct {
	Header Header
	Body   []byte
}

// Caller is a transport whose connections carry calls, beside sockets.
type Caller interface {
	// NewCall returns a Call for one exchange after the other.
	NewCall() Call
}

// Call is an exchange of one request and one reply.
type Call interface {
	// Do makes the exchange over a connection to addr that stands. It is not ok,
	// and nothing was sent, when there is none.
	Do(addr string, request *Request, reply *Reply) (ok bool, err error)
	// Break ends Do, or the next one, which returns err. It may be called at any
	// time by another goroutine than that of Do. A call that is broken because
	// its time is over is late: if nothing was heard of the peer meanwhile, its
	// connection is not used any more. A call that was broken is not used again.
	Break(err error, late bool)
}

// Opener is a socket that can be opened by the first message of an exchange, to
// which everything else belongs that it carries.
type Opener interface {
	Open(request *Request) error
}

// Exchange is what a server sees of an exchange.
type Exchange interface {
	Carrier
	// Single reports whether there is one request and one reply, after which
	// nothing more can be sent or received.
	Single() bool
	// OnEnd makes e be told, once and with the reason, when the caller has gone,
	// at once if that has happened.
	OnEnd(e Ender)
	// Interrupt makes a pending and every later RecvHeader return err, and so a
	// pending SendFields. What is sent afterwards is sent if that needs no
	// waiting.
	Interrupt(err error)
	// Consumed says that the body of the first message is not held any more. It
	// counts for the connection until then, or until Close.
	Consumed()
	// Quiet reports whether nothing waits to be received, and something may come.
	Quiet() bool
	// Close ends the exchange. What was sent before still reaches the caller.
	Close() error
}

// Ender is told of the end of an exchange. It must not block.
type Ender interface{ Ended(err error) }

// Server serves the exchanges of connections.
type Server interface {
	// Connect is told of a connection between two addresses.
	Connect(local, remote string) Connection
}

// Connection serves the exchanges of one connection.
type Connection interface {
	// Serve serves an exchange. The goroutine that reads calls it when here is
	// true, and another one reads on if it takes long. Otherwise Serve must not
	// wait for anything.
	Serve(x Exchange, h Header, body []byte, here bool)
	// End is called when the connection has ended.
	End()
}

// Parker is a socket that can be left alone until there is something to do.
type Parker interface {
	// Park makes resume be called, once and in a goroutine that must not be
	// held up, when a receiver would not have to wait. It is false when that is
	// so already. The function that accepted a parked socket may return without
	// ending it, and whoever resumes has to close it.
	Park(resume func()) bool
}
