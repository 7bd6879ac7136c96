package httpmsg

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// Special values of a Head's length.
const (
	lengthChunked    = -1
	lengthUntilClose = -2
)

// framingLines is how many of a head's lines usually are not in its Header: the
// first line, Host and Content-Length. Eight others fit into the smallest map.
const framingLines = 3

// addedByServer is the room that is left for the entries a server adds for its
// handlers, so that the map does not grow, which took three allocations.
const addedByServer = 2

// Head is what precedes a message's body.
type Head struct {
	// Method and Target are a request's.
	Method, Target string
	// Status is a response's code and StatusText its code and reason together,
	// "404 Not Found" for instance.
	Status     int
	StatusText string
	// Host is the Host header of a request.
	Host string
	// Header holds the other headers by canonical name, the first value of
	// each, without those that frame the message: Content-Length,
	// Transfer-Encoding, Trailer and Expect. It is never nil.
	Header map[string]string
	// Upgrade is the protocol that a request offers, or a 101 accepts, to
	// switch to; "" when Connection does not list it.
	Upgrade string
	// Close says that the peer ends the connection after this message.
	Close bool
	// Continue says that the peer waits for a 100 before it sends the body.
	Continue bool

	minor       int // of the HTTP version
	length      int64
	hasLength   bool
	hasEncoding bool
	hasHost     bool
	keepAlive   bool
	upgrading   bool
	expectOther bool
}

// ReadRequest reads the head of a request into h, overwriting all of it;
// ReadBody has to follow. At the end of the connection between two messages it
// returns io.EOF.
func (r *Reader) ReadRequest(h *Head) error {
	line, rest, err := r.begun(h)
	if err != nil {
		return err
	}
	if err := h.requestLine(line); err != nil {
		return err
	}
	if err := h.headers(rest); err != nil {
		return err
	}
	if err := h.finishRequest(); err != nil {
		return err
	}
	if h.length > int64(r.MaxBody) {
		return bodyTooLarge(r.MaxBody) // before a peer is told to go on
	}
	r.inBody = true
	return nil
}

// begun consumes the next head, prepares h for it and returns its first line
// and its header lines.
func (r *Reader) begun(h *Head) (line, rest string, err error) {
	text, lines, err := r.head()
	if err != nil {
		return "", "", err
	}
	*h = Head{Header: make(map[string]string, max(lines-framingLines, 0)+addedByServer)}
	line, rest, _ = strings.Cut(text, "\r\n")
	return line, rest, nil
}

// ReadResponse reads the head of a response into h, overwriting all of it;
// ReadBody has to follow, except after a 101. Other interim responses are
// skipped. At the end of the connection between two messages it returns io.EOF.
func (r *Reader) ReadResponse(h *Head) error {
	const maxInterim = 10
	for range maxInterim {
		if err := r.response(h); err != nil {
			return err
		}
		switch {
		case h.Status >= 200:
			r.inBody = true
			return nil
		case h.Status == http.StatusSwitchingProtocols:
			r.unlimit()
			return nil
		}
	}
	return malformed("more than %d interim responses", maxInterim)
}

func (r *Reader) response(h *Head) error {
	line, rest, err := r.begun(h)
	if err != nil {
		return err
	}
	if err := h.statusLine(line); err != nil {
		return err
	}
	if err := h.headers(rest); err != nil {
		return err
	}
	return h.finishResponse()
}

// requestLine takes "POST / HTTP/1.1" apart.
func (h *Head) requestLine(line string) error {
	method, rest, ok1 := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	if !ok1 || !ok2 || method == "" || target == "" {
		return malformed("request line is not method, target and version")
	}
	for i := 0; i < len(method); i++ {
		if !tokens[method[i]] {
			return malformed("invalid method")
		}
	}
	for i := 0; i < len(target); i++ {
		if c := target[i]; c <= ' ' || c == 0x7f {
			return malformed("invalid request target")
		}
	}
	if !targetForm(method, target) {
		return malformed("invalid request target")
	}
	h.Method, h.Target = method, target
	return h.version(version)
}

// targetForm reports whether a target has one of the forms of RFC 9112
// section 3.2.
func targetForm(method, target string) bool {
	return target[0] == '/' || target == "*" || method == http.MethodConnect || strings.Contains(target, "://")
}

// statusLine takes "HTTP/1.1 200 OK" apart.
func (h *Head) statusLine(line string) error {
	version, status, _ := strings.Cut(line, " ")
	if err := h.version(version); err != nil {
		return err
	}
	if len(status) < 3 || (len(status) > 3 && status[3] != ' ') || !ValidValue(status) {
		return malformed("invalid status line")
	}
	for _, c := range []byte(status[:3]) {
		if c < '0' || c > '9' {
			return malformed("invalid status code")
		}
		h.Status = 10*h.Status + int(c-'0')
	}
	if h.Status < 100 {
		return malformed("invalid status code")
	}
	h.StatusText = trimBlanks(status)
	return nil
}

func (h *Head) version(v string) error {
	switch v {
	case "HTTP/1.1":
		h.minor = 1
	case "HTTP/1.0":
		h.minor = 0
	default:
		if len(v) == len("HTTP/1.1") && strings.HasPrefix(v, "HTTP/") && v[6] == '.' {
			return &Error{Status: http.StatusHTTPVersionNotSupported, Detail: "only HTTP/1.0 and HTTP/1.1 are spoken here"}
		}
		return malformed("not an HTTP message")
	}
	return nil
}

// headers parses header lines, each with its CRLF.
func (h *Head) headers(text string) error {
	for text != "" {
		line, rest, _ := strings.Cut(text, "\r\n")
		text = rest
		colon := strings.IndexByte(line, ':')
		if colon < 0 {
			return malformed("header line without a colon")
		}
		name := canonicalName(line[:colon])
		if name == "" {
			return malformed("invalid header name")
		}
		value := trimBlanks(line[colon+1:])
		if !ValidValue(value) {
			return malformed("control character in header %s", name)
		}
		if err := h.header(name, value); err != nil {
			return err
		}
	}
	return nil
}

// header stores one header, or what it says about the message's framing.
func (h *Head) header(name, value string) error {
	switch name {
	case "Content-Length":
		return h.contentLength(value)
	case "Transfer-Encoding":
		return h.transferEncoding(value)
	case "Host":
		if h.hasHost {
			return malformed("more than one Host header")
		}
		h.Host, h.hasHost = value, true
		return nil
	case "Expect":
		h.Continue = h.Continue || strings.EqualFold(value, "100-continue")
		h.expectOther = h.expectOther || !h.Continue
		return nil
	case "Trailer":
		return nil
	case "Connection":
		h.connection(value)
	}
	if _, ok := h.Header[name]; !ok {
		h.Header[name] = value
	}
	return nil
}

// contentLength takes digits alone: a sign, a blank or a list is where parsers
// disagree.
func (h *Head) contentLength(value string) error {
	const maxDigits = 18
	if value == "" || len(value) > maxDigits {
		return malformed("invalid Content-Length")
	}
	var n int64
	for i := 0; i < len(value); i++ {
		if value[i] < '0' || value[i] > '9' {
			return malformed("invalid Content-Length")
		}
		n = 10*n + int64(value[i]-'0')
	}
	if h.hasLength && n != h.length {
		return malformed("conflicting Content-Length headers")
	}
	h.length, h.hasLength = n, true
	return nil
}

func (h *Head) transferEncoding(value string) error {
	if h.hasEncoding {
		return malformed("more than one Transfer-Encoding header")
	}
	if !strings.EqualFold(value, "chunked") {
		return &Error{Status: http.StatusNotImplemented, Detail: "unsupported Transfer-Encoding"}
	}
	h.hasEncoding = true
	return nil
}

func (h *Head) connection(value string) {
	for option := range strings.SplitSeq(value, ",") {
		switch option = trimBlanks(option); {
		case strings.EqualFold(option, "close"):
			h.Close = true
		case strings.EqualFold(option, "keep-alive"):
			h.keepAlive = true
		case strings.EqualFold(option, "upgrade"):
			h.upgrading = true
		}
	}
}

// finish applies the rules that requests and responses share.
func (h *Head) finish() error {
	if h.hasEncoding {
		if h.hasLength {
			return malformed("both Content-Length and Transfer-Encoding")
		}
		if h.minor == 0 {
			return malformed("Transfer-Encoding in HTTP/1.0")
		}
		h.length = lengthChunked
	}
	if h.minor == 0 && !h.keepAlive {
		h.Close = true
	}
	if h.upgrading && h.minor == 1 {
		h.Upgrade = h.Header["Upgrade"]
	}
	return nil
}

func (h *Head) finishRequest() error {
	if !h.hasHost && h.minor == 1 {
		return malformed("missing Host header")
	}
	if h.expectOther {
		return &Error{Status: http.StatusExpectationFailed, Detail: "unknown expectation"}
	}
	if err := h.finish(); err != nil {
		return err
	}
	if h.minor == 0 {
		h.Close = true // whatever it asks for: a reply would have to promise it
	}
	if h.Close {
		h.Header["Connection"] = "close"
	}
	return nil
}

func (h *Head) finishResponse() error {
	if err := h.finish(); err != nil {
		return err
	}
	switch {
	case h.Status < 200 || h.Status == http.StatusNoContent || h.Status == http.StatusNotModified:
		h.length = 0
	case !h.hasLength && !h.hasEncoding:
		h.length, h.Close = lengthUntilClose, true
	}
	return nil
}

// ReadBody reads the body that follows a head. It is fresh and never nil.
func (r *Reader) ReadBody(h *Head) ([]byte, error) {
	body, err := r.body(h, false)
	if err != nil {
		return nil, err
	}
	r.bodyRead()
	return body, nil
}

// ReadPrefix reads the body that follows a head when its beginning is enough:
// no more than MaxBody bytes, and what arrived before an error along with the
// error. When it was not the whole body the connection cannot be read further;
// Idle is false then.
func (r *Reader) ReadPrefix(h *Head) ([]byte, error) {
	body, err := r.body(h, true)
	if err == nil {
		r.bodyRead()
	}
	if refused := new(Error); errors.As(err, &refused) && refused.Status == http.StatusRequestEntityTooLarge {
		err = nil // body is as much as may be
	}
	return body, err
}

func (r *Reader) bodyRead() {
	r.inBody = false
	r.unlimit()
	r.release()
}

// body reads a body. Of one that is too large it returns nothing, or what may
// be read of it if cut is set.
func (r *Reader) body(h *Head, cut bool) ([]byte, error) {
	defer func() {
		r.Budget.Give(r.charged)
		r.charged = 0
	}()
	r.pace = Pace{Stall: r.StallTimeout}
	switch {
	case h.length == lengthChunked:
		return r.chunked(cut)
	case h.length == lengthUntilClose:
		return r.untilClose()
	case h.length == 0:
		return []byte{}, nil
	}
	return r.part(nil, h.length, cut)
}

// untilClose reads a body that the end of the connection ends, or as much as
// may be read of it.
func (r *Reader) untilClose() ([]byte, error) {
	body := append([]byte{}, r.Buffered()...)
	r.r = r.w
	for len(body) <= r.MaxBody {
		r.limitBody()
		err := r.fill(bufferSize)
		if err == io.EOF {
			return body, nil
		}
		if err != nil {
			return body, err
		}
		body = append(body, r.Buffered()...)
		r.pace.Got(r.w - r.r)
		r.r = r.w
	}
	return body[:r.MaxBody], bodyTooLarge(r.MaxBody)
}
