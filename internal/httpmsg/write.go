package httpmsg

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/justcy/go-micro/v4/transport/headers"
)

// ConnectionClose is the header line that announces the end of a connection.
const ConnectionClose = "Connection: close\r\n"

// Continue is the interim response that asks for a request's body.
const Continue = "HTTP/1.1 100 Continue\r\n\r\n"

// AppendRequest appends the head of a POST to "/". Extra is a sequence of
// whole header lines, each with its CRLF, that go before those of h.
//
// Names are written in canonical form and those that are no names are left
// out; line breaks in values become spaces. The headers that frame the message
// (Host, Content-Length, Transfer-Encoding, Trailer, Expect, Upgrade) are
// never taken from h, and of Connection only the value "close" is.
func AppendRequest(b []byte, host, extra string, h map[string]string, bodyLen int) []byte {
	b = append(b, "POST / HTTP/1.1\r\nHost: "...)
	b = append(b, host...)
	b = append(b, "\r\n"...)
	return appendHeaders(b, extra, h, bodyLen)
}

// AppendPost appends the head of a POST to a target, which is written as it is:
// a path with its query, or an absolute URL to a proxy. See AppendRequest for
// the rest.
func AppendPost(b []byte, target, host, extra string, h map[string]string, bodyLen int) []byte {
	b = append(b, "POST "...)
	b = append(b, target...)
	b = append(b, " HTTP/1.1\r\nHost: "...)
	b = append(b, host...)
	b = append(b, "\r\n"...)
	return appendHeaders(b, extra, h, bodyLen)
}

// AppendResponse appends the head of a response, with the status that h asks
// for; see AppendRequest for the rest.
func AppendResponse(b []byte, extra string, h map[string]string, bodyLen int) []byte {
	b = appendStatusLine(b, Status(h))
	return appendHeaders(b, extra, h, bodyLen)
}

// Status returns the status code in the pseudo header ":status" of a response,
// 200 when there is none or it is not one of a response with a body.
func Status(h map[string]string) int {
	text, ok := h[headers.Status]
	if !ok {
		return http.StatusOK
	}
	code, err := strconv.Atoi(text)
	switch {
	case err != nil, code < 200, code > 599,
		code == http.StatusNoContent, code == http.StatusResetContent, code == http.StatusNotModified:
		return http.StatusOK
	}
	return code
}

func appendStatusLine(b []byte, code int) []byte {
	if code == http.StatusOK {
		return append(b, "HTTP/1.1 200 OK\r\n"...)
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(code), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(code)...)
	return append(b, "\r\n"...)
}

// AppendError appends a whole response with a status other than 200, a line of
// plain text as its body, and the announcement that the connection ends.
func AppendError(b []byte, status int, text string) []byte {
	b = appendStatusLine(b, status)
	b = append(b, "Content-Type: text/plain; charset=utf-8\r\n"+ConnectionClose+"Content-Length: "...)
	b = strconv.AppendInt(b, int64(len(text)+1), 10)
	b = append(b, "\r\n\r\n"...)
	b = append(b, text...)
	return append(b, '\n')
}

func appendHeaders(b []byte, extra string, h map[string]string, bodyLen int) []byte {
	b = append(b, extra...)
	for name, value := range h {
		b = appendHeader(b, extra, name, value)
	}
	b = append(b, "Content-Length: "...)
	b = strconv.AppendInt(b, int64(bodyLen), 10)
	return append(b, "\r\n\r\n"...)
}

// appendHeader appends one header line, or nothing when it may not be sent.
func appendHeader(b []byte, extra, name, value string) []byte {
	from := len(b)
	b = appendName(b, name)
	if len(b) == from {
		return b
	}
	value = CleanValue(value)
	if written := string(b[from:]); Framing(written) || written == "Connection" && (extra != "" || !strings.EqualFold(value, "close")) {
		return b[:from]
	}
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}

// Bodies up to inlineBody are copied behind their head so that a message
// leaves in one write; larger ones are written from where they are.
const inlineBody = 32 << 10

// maxPooled keeps a buffer that one large message made from staying for good.
const maxPooled = 128 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}

// GetBuffer returns an empty buffer from a pool.
func GetBuffer() *[]byte { return buffers.Get().(*[]byte) }

// PutBuffer gives a buffer back. The caller must not use it any more.
func PutBuffer(b *[]byte) {
	if cap(*b) <= maxPooled {
		*b = (*b)[:0]
		buffers.Put(b)
	}
}

// Write sends a head and its body in as few writes as possible. It reports
// whether everything was handed over when it fails: a peer that was sent less
// than the whole of a message cannot act on it.
func Write(w io.Writer, head *[]byte, body []byte) (whole bool, err error) {
	if len(body) <= inlineBody {
		*head = append(*head, body...)
		n, err := w.Write(*head)
		return n >= len(*head), err
	}
	total := int64(len(*head) + len(body))
	parts := net.Buffers{*head, body}
	n, err := parts.WriteTo(w)
	return n >= total, err
}
