package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// The errors of responses.
var (
	// ErrNotFound says that there is no such object.
	ErrNotFound = errors.New("kubernetes: resource not found")
	// ErrDecode says that a response is not what it should be.
	ErrDecode = errors.New("kubernetes: error decoding")
	// ErrUnknown says that the server refused the request without saying why.
	ErrUnknown = errors.New("kubernetes: unknown error")
)

const (
	// maxError and maxBody are how many bytes of a response are read.
	maxError = 1 << 20
	maxBody  = 256 << 20
	// maxAttempts is how often a request is sent that the server is too busy
	// for, and maxWait how long is waited in between.
	maxAttempts = 4
	maxWait     = 10 * time.Second
)

// Status is what a server says of a request that it refused.
type Status struct {
	Kind    string
	Status  string
	Message string
	Reason  string
	Code    int
}

// StatusError is a request that the server refused. Its text is the body of the
// response, which is the JSON of a Status as a rule.
type StatusError struct {
	// Request is the method and the URL.
	Request string
	// Code is the HTTP status.
	Code int
	// Body of the response, up to 1 MiB.
	Body string
	// Status is what the body says, as far as it is one.
	Status Status
}

func (e *StatusError) Error() string {
	if e.Body == "" {
		return fmt.Sprintf("%v: %s: %d %s", ErrUnknown, e.Request, e.Code, http.StatusText(e.Code))
	}
	return e.Body
}

// Unwrap returns ErrUnknown when the server did not say why.
func (e *StatusError) Unwrap() error {
	if e.Body == "" {
		return ErrUnknown
	}
	return nil
}

// Response is the response to a request. Its body is closed by Into and Close, and
// already when there is an error.
type Response struct {
	res *http.Response
	err error
}

// Do sends the request. When the server says that it is too busy, the request is
// sent again a few times, after the time that the server asks for.
func (r *Request) Do() *Response {
	for attempt := 1; ; attempt++ {
		res, err := r.Raw()
		if err != nil {
			return &Response{err: err}
		}
		if res.StatusCode == http.StatusTooManyRequests && attempt < maxAttempts {
			if wait := retryAfter(res); r.pause(wait) {
				res.Body.Close()
				continue
			}
		}
		return newResponse(res)
	}
}

// retryAfter returns how long the server asks to wait.
func retryAfter(res *http.Response) time.Duration {
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		seconds = 1
	}
	return time.Duration(seconds) * time.Second
}

// pause waits, and reports whether it is worth while.
func (r *Request) pause(d time.Duration) bool {
	if deadline, ok := r.ctx.Deadline(); d > maxWait || ok && time.Until(deadline) <= d {
		return false
	}
	select {
	case <-time.After(d):
		return true
	case <-r.ctx.Done():
		return false
	}
}

func newResponse(res *http.Response) *Response {
	r := &Response{res: res}
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return r
	case res.StatusCode == http.StatusNotFound:
		r.err = ErrNotFound
	default:
		r.err = statusError(res)
	}
	_ = res.Body.Close()
	return r
}

func statusError(res *http.Response) error {
	e := &StatusError{Code: res.StatusCode}
	if req := res.Request; req != nil {
		e.Request = req.Method + " " + req.URL.Redacted()
	}
	if body, err := io.ReadAll(io.LimitReader(res.Body, maxError)); err == nil {
		e.Body = string(body)
		_ = json.Unmarshal(body, &e.Status) // it need not be one
	}
	return e
}

// Error returns why the request failed, nil when it did not.
func (r *Response) Error() error { return r.err }

// StatusCode returns the HTTP status, 0 without a response.
func (r *Response) StatusCode() int {
	if r.res == nil {
		return 0
	}
	return r.res.StatusCode
}

// Into decodes the JSON of the response into data.
func (r *Response) Into(data any) error {
	if r.err != nil {
		return r.err
	}
	defer r.Close()
	body := &io.LimitedReader{R: r.res.Body, N: maxBody + 1}
	err := json.NewDecoder(body).Decode(data)
	if err != nil && body.N == 0 {
		err = fmt.Errorf("it has more than %d bytes", maxBody)
	}
	if err != nil {
		return fmt.Errorf("%w: %s %s: %w", ErrDecode, r.res.Request.Method, r.res.Request.URL.Redacted(), err)
	}
	return nil
}

// Close closes the body of the response. It may be called again.
func (r *Response) Close() error {
	if r.res == nil {
		return nil
	}
	return r.res.Body.Close()
}
