// Package httpmsg reads and writes whole HTTP/1.1 messages (RFC 9112) on a
// connection that both ends use for nothing else. It does what a transport of
// messages needs and no more: a head becomes a map of single values, a body
// one slice, and what cannot be represented that way is refused.
//
// The reader is strict where leniency would let two parsers disagree about
// where a message ends: lines end in CRLF, a message has one framing, folded
// header lines and unknown transfer codings are errors. Everything it reads is
// bounded: the head by MaxHead, the number of header lines by MaxHeaderLines,
// the body by the Reader's MaxBody.
package httpmsg

import (
	"fmt"
	"net/http"
)

const (
	// MaxHead limits the head of a message in bytes: its first line, its
	// header lines and the empty line after them.
	MaxHead = 64 << 10

	// MaxHeaderLines limits the header lines of a message.
	MaxHeaderLines = 512

	// maxFirstLine limits the request or status line.
	maxFirstLine = 8 << 10

	// maxChunkLine limits a chunk's size line with its extensions.
	maxChunkLine = 512

	// maxTrailer limits the lines after the last chunk together.
	maxTrailer = 8 << 10
)

// Error says why a message was refused.
type Error struct {
	// Status is what a server should answer: 400, 413, 417, 431, 501, 503 or 505.
	Status int
	// Detail is one lower-case phrase.
	Detail string
}

// Error returns the detail.
func (e *Error) Error() string { return "http message: " + e.Detail }

// TooLarge reports whether the message exceeded a limit of size.
func (e *Error) TooLarge() bool {
	return e.Status == http.StatusRequestEntityTooLarge || e.Status == http.StatusRequestHeaderFieldsTooLarge
}

func malformed(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Detail: fmt.Sprintf(format, args...)}
}

func headTooLarge(what string, limit int) *Error {
	return &Error{
		Status: http.StatusRequestHeaderFieldsTooLarge,
		Detail: fmt.Sprintf("%s over the limit of %d", what, limit),
	}
}

func bodyTooLarge(limit int) *Error {
	return &Error{
		Status: http.StatusRequestEntityTooLarge,
		Detail: fmt.Sprintf("body over the limit of %d bytes", limit),
	}
}
