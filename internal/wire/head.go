package wire

import (
	"maps"
	"net/textproto"
	"strconv"
	"strings"
	"time"

	"github.com/justcy/go-micro/v4/transport/headers"
)

// ConnectionHeader with the value "close" asks to end the connection after this
// message. The names that belong to the protocol are in package headers.
const ConnectionHeader = "Connection"

// Head holds the headers that decide what happens to a message. Absent ones
// are empty.
type Head struct {
	Service     string
	Method      string
	Endpoint    string
	ID          string
	Stream      string
	Error       string
	Topic       string
	Protocol    string
	Target      string
	ContentType string
	Timeout     string
	Connection  string
}

// ParseHead reads the known headers of h in one pass, whatever the case of their
// names. Service, Method, Endpoint, Protocol, Target, Topic and Stream fall back
// to the same name prefixed with "X-".
func ParseHead(h map[string]string) (head Head) {
	p := headParser{head: &head}
	for name, value := range h {
		p.take(name, value)
	}
	p.end()
	return head
}

// headParser collects a Head from headers in any order.
type headParser struct {
	head     *Head
	prefixed Head
}

func (p *headParser) take(name, value string) {
	if field, exact := p.head.field(name); field != nil {
		if exact || *field == "" {
			*field = value
		}
		return
	}
	if len(name) > 2 && (name[0] == 'X' || name[0] == 'x') && name[1] == '-' {
		if field, exact := p.prefixed.field(name[2:]); field != nil && (exact || *field == "") {
			*field = value
		}
	}
}

func (p *headParser) end() { p.head.fallBack(&p.prefixed) }

func (h *Head) fallBack(prefixed *Head) {
	for _, pair := range [...]struct{ to, from *string }{
		{&h.Service, &prefixed.Service},
		{&h.Method, &prefixed.Method},
		{&h.Endpoint, &prefixed.Endpoint},
		{&h.Protocol, &prefixed.Protocol},
		{&h.Target, &prefixed.Target},
		{&h.Topic, &prefixed.Topic},
		{&h.Stream, &prefixed.Stream},
	} {
		if *pair.to == "" {
			*pair.to = *pair.from
		}
	}
}

// field returns where the value of the header name goes, nil for unknown
// names, and whether the name is spelled in one of its two usual forms.
func (h *Head) field(name string) (field *string, exact bool) {
	if f := h.usual(name); f != nil {
		return f, true
	}
	if len(name) > len("Micro-Endpoint") || !maybeKnown(name) {
		return nil, false
	}
	return h.usual(textproto.CanonicalMIMEHeaderKey(name)), false
}

// maybeKnown keeps most foreign headers from being canonicalised.
func maybeKnown(name string) bool {
	if name == "" {
		return false
	}
	switch name[0] | 0x20 {
	case 'm', 'c', 't':
		return true
	}
	return false
}

func (h *Head) usual(name string) *string {
	switch name {
	case headers.Request:
		return &h.Service
	case headers.Method:
		return &h.Method
	case headers.Endpoint:
		return &h.Endpoint
	case headers.ID, "Micro-Id":
		return &h.ID
	case headers.Stream:
		return &h.Stream
	case headers.Error:
		return &h.Error
	case headers.Message:
		return &h.Topic
	case headers.Protocol:
		return &h.Protocol
	case headers.Target:
		return &h.Target
	case headers.ContentType:
		return &h.ContentType
	case headers.Timeout:
		return &h.Timeout
	case ConnectionHeader:
		return &h.Connection
	}
	return nil
}

// Closes reports whether the message asks to close the connection after it.
func (h *Head) Closes() bool {
	for token := range strings.SplitSeq(h.Connection, ",") {
		if strings.EqualFold(strings.TrimSpace(token), "close") {
			return true
		}
	}
	return false
}

// TimeLeft is the caller's remaining time from the Timeout header. It is not
// ok when the header is absent or not a positive number.
func (h *Head) TimeLeft() (left time.Duration, ok bool) {
	if h.Timeout == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(h.Timeout, 10, 64)
	if err != nil || n <= 0 {
		return 0, false
	}
	return time.Duration(n), true
}

// Timeout is the value of the Timeout header for the time left to the caller's
// deadline. What is not positive is written as one nanosecond, since zero means
// no limit to peers.
func Timeout(left time.Duration) string {
	return strconv.FormatInt(max(1, int64(left)), 10)
}

// Lookup returns the header name of h whatever the case of its spelling. The
// exact spelling wins over the canonical one, and that over any other.
func Lookup(h map[string]string, name string) (string, bool) {
	if v, ok := h[name]; ok {
		return v, true
	}
	if canonical := textproto.CanonicalMIMEHeaderKey(name); canonical != name {
		if v, ok := h[canonical]; ok {
			return v, true
		}
	}
	for k, v := range h {
		if len(k) == len(name) && strings.EqualFold(k, name) {
			return v, true
		}
	}
	return "", false
}

// Metadata returns the entries of a context's metadata that Travels allows, in
// a new map with room for extra more entries.
func Metadata(md map[string]string, extra int) map[string]string {
	dst := make(map[string]string, len(md)+extra)
	for k, v := range md {
		if Travels(k) {
			dst[k] = v
		}
	}
	return dst
}

// Travels reports whether an entry of a context's metadata goes along to another
// service. Headers that belong to one message or one connection do not: a
// handler's context is often reused for a call, and its stream id or its content
// length must not come along.
func Travels(name string) bool { return !hopByHop(name) }

// hopByHop reports whether a header is the business of one message or one
// connection alone.
func hopByHop(name string) bool {
	if name == "" || name[0] == ':' {
		return true
	}
	if len(name) > 2 && (name[0] == 'X' || name[0] == 'x') && name[1] == '-' {
		name = name[2:]
		return isMessageHeader(name)
	}
	return isMessageHeader(name) || isConnectionHeader(name)
}

func isMessageHeader(name string) bool {
	return len(name) > len(headers.Prefix) && (name[0] == 'M' || name[0] == 'm') && matches(name, messageHeaders)
}

func isConnectionHeader(name string) bool {
	switch name[0] {
	case 'C', 'c', 'T', 't', 'U', 'u', 'K', 'k', 'H', 'h', 'A', 'a', 'L', 'l', 'R', 'r', 'P', 'p', 'E', 'e':
		return matches(name, connectionHeaders)
	}
	return false
}

func matches(name string, list []string) bool {
	for _, l := range list {
		if len(l) == len(name) && strings.EqualFold(l, name) {
			return true
		}
	}
	return false
}

// messageHeaders name one message; its successor sets its own.
var messageHeaders = []string{
	headers.Message, headers.Stream, headers.Error, headers.ID,
	headers.Request, headers.Method, headers.Endpoint, headers.Protocol, headers.Target,
	HalfCloseHeader,
}

// connectionHeaders describe one connection or one body on it (RFC 9110,
// section 7.6.1, and what the server adds for its handlers).
var connectionHeaders = []string{
	ConnectionHeader, "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Trailer", "Upgrade",
	"Content-Length", headers.ContentType, "Content-Encoding", headers.Accept, "Accept-Encoding", "Expect", "Host",
	headers.Timeout, headers.Local, headers.Remote,
}

// Clone copies headers, so that the copy may be changed and kept.
func Clone(h map[string]string) map[string]string {
	if h == nil {
		return map[string]string{}
	}
	return maps.Clone(h)
}
