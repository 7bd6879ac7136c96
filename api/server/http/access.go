package http

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// accessLog writes a line for each request in the combined log format
// (https://httpd.apache.org/docs/2.4/logs.html#combined).
type accessLog struct {
	next http.Handler
	mu   sync.Mutex
	out  io.Writer
}

// buffers are those of lines.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

func (l *accessLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	counter := &counter{ResponseWriter: w}
	uri := r.RequestURI
	defer func() { // a handler that panics is logged, too
		b := buffers.Get().(*[]byte)
		*b = appendLine((*b)[:0], r, uri, began, counter)
		l.mu.Lock()
		_, _ = l.out.Write(*b) // a log that is full stops no request
		l.mu.Unlock()
		buffers.Put(b)
	}()
	l.next.ServeHTTP(counter, r)
}

// counter notes the status and the size of a response.
type counter struct {
	http.ResponseWriter
	status int
	size   int64
}

func (c *counter) WriteHeader(status int) {
	if c.status < 200 { // what was written before is not final
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counter) Write(b []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(b)
	c.size += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// Flush implements http.Flusher for handlers that know no ResponseController.
func (c *counter) Flush() { _ = http.NewResponseController(c.ResponseWriter).Flush() }

// appendLine appends the line of a request.
func appendLine(b []byte, r *http.Request, uri string, began time.Time, c *counter) []byte {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	user := "-"
	if name, _, ok := r.BasicAuth(); ok && name != "" {
		user = name
	}
	status := c.status
	if status == 0 {
		status = http.StatusOK
	}
	b = appendText(b, host)
	b = append(b, " - "...)
	b = appendText(b, user)
	b = append(b, " ["...)
	b = began.AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(b, `] "`...)
	b = appendText(b, r.Method)
	b = append(b, ' ')
	b = appendText(b, uri)
	b = append(b, ' ')
	b = append(b, r.Proto...)
	b = append(b, `" `...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	b = strconv.AppendInt(b, c.size, 10)
	b = append(b, ` "`...)
	b = appendText(b, r.Referer())
	b = append(b, `" "`...)
	b = appendText(b, r.UserAgent())
	return append(b, "\"\n"...)
}

// appendText appends what a client sent, so that it stays in its place.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted := strconv.AppendQuote(nil, s)
			return append(b, quoted[1:len(quoted)-1]...)
		}
	}
	return append(b, s...)
}
