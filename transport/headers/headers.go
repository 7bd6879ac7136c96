// Package headers names the headers that travel with every message, so that
// client, server, transports and plugins spell them the same way.
//
// A transport may change the case of a name: HTTP delivers Micro-ID as
// Micro-Id. Look headers up without regard to case, for example with
// metadata.Metadata(header).Get(headers.ID).
package headers

const (
	// Prefix starts the name of every header that belongs to the framework.
	Prefix = "Micro-"

	// Request names the service that a request is for.
	Request = "Micro-Service"

	// Endpoint names the called endpoint, Type.Method.
	Endpoint = "Micro-Endpoint"

	// Method names the called method; it equals Endpoint.
	Method = "Micro-Method"

	// ID numbers a request on its connection. A published message carries a
	// UUID in it.
	ID = "Micro-ID"

	// Stream holds the id of the stream a message belongs to. Unary requests
	// do not have it.
	Stream = "Micro-Stream"

	// Error holds the error text of a reply, or EOS when a stream ends.
	Error = "Micro-Error"

	// Message names the topic of a published message. Its presence makes a
	// message an event.
	Message = "Micro-Topic"

	// Protocol is set by peers that speak the modern protocol.
	Protocol = "Micro-Protocol"

	// Target is set by peers that speak the legacy protocol.
	Target = "Micro-Target"

	// Namespace holds the namespace the caller was authorised for.
	Namespace = "Micro-Namespace"

	// TraceIDKey holds the id of the trace that a request is part of.
	TraceIDKey = "Micro-Trace-ID"

	// SpanID holds the id of the span in which the request was made.
	SpanID = "Micro-Span-ID"

	// ContentType names the codec of the body.
	ContentType = "Content-Type"

	// Accept names the codec in which the reply is wanted.
	Accept = "Accept"

	// Timeout holds the time the caller is still willing to wait, in decimal
	// nanoseconds without a sign.
	Timeout = "Timeout"

	// Status is a pseudo header of a reply: the status code of the HTTP response
	// that carries it, for HTTP clients that are not the framework's. Where
	// replies are no HTTP responses it means nothing. Codes from 200 to 599 that
	// allow a body count, anything else means 200.
	//
	// The framework's own clients, go-micro v4's among them, take any status
	// but 200 for the refusal of the message by the transport.
	Status = ":status"

	// Local holds the server's address of a connection. The server adds it to
	// the metadata of a handler; it never travels.
	Local = "Local"

	// Remote holds the caller's address of a connection. The server adds it to
	// the metadata of a handler; it never travels.
	Remote = "Remote"
)

// EndOfStream is the value of Error that ends a stream without an error.
const EndOfStream = "EOS"
