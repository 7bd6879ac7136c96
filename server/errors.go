package server

import (
	"cmp"
	"context"
	stderrors "errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/justcy/go-micro/v4/codec"
	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
)

// errorID is the id of the errors that the server itself makes.
const errorID = "go.micro.server"

// ErrStopped is the cause, found by errors.Is in context.Cause, with which a
// stopping server cancels the contexts of requests and messages for which it no
// longer waits. Their callers get an *errors.Error with code 503.
var ErrStopped = stderrors.New("server stopped")

// errEndOfStream tells the caller of a router that a stream ended well and that
// its client is to be told so.
var errEndOfStream = stderrors.New(wire.EOS)

var (
	errConnectionLost = stderrors.New("connection to the caller lost")
	errRequestOver    = stderrors.New("the request is over")
	errStreamClosed   = stderrors.New("stream closed by its handler")
)

// errGoexit is sent in place of the reply of a handler that did not return.
var errGoexit = errors.InternalServerError(errorID, "the handler ended its goroutine (runtime.Goexit)")

// errorText is the text by which err travels to the caller.
func errorText(err error) string {
	if err == errEndOfStream {
		return wire.EOS
	}
	var named *namedError
	if stderrors.As(err, &named) && err.Error() == named.text {
		return named.text
	}
	return errors.Text(errorID, err)
}

// grpcError is err for a gRPC client, whose protocol has a status for what other
// clients are told by a text alone.
func grpcError(err error) error {
	var named *namedError
	if stderrors.As(err, &named) && named.unknown != "" {
		return errors.New(errorID, "unknown service "+named.unknown, http.StatusNotImplemented)
	}
	if _, ok := errors.As(err); !ok && stderrors.Is(err, context.DeadlineExceeded) {
		return errors.Timeout(errorID, "%v", err)
	}
	return err
}

// errStopped is the answer to a request that a stopping server takes no more,
// and that no handler has seen.
var errStopped = stopError{errors.New(errorID, "the server is stopped", http.StatusServiceUnavailable)}

// stopError is an *errors.Error that matches ErrStopped.
type stopError struct{ error }

func (e stopError) Unwrap() []error { return []error{e.error, ErrStopped} }

// cutError is the stopError with which a request of a node is ended before its
// handler has returned.
func cutError(node, why string) stopError {
	return stopError{errors.New(errorID, "node "+node+" stopped before the request was finished: "+why, http.StatusServiceUnavailable)}
}

// imposed reports whether the caller of a request that was ended by cause gets
// cause itself, whatever the handler makes of it.
func imposed(cause error) bool {
	switch cause.(type) {
	case overflowError, stopError:
		return true
	}
	return false
}

// namedError is an error whose text peers of go-micro v4 know. Others get more
// of it: see errorMessage.
type namedError struct {
	text  string
	coded error // an *errors.Error
	cause error

	unknown string // the service or endpoint that is not served
}

func (e *namedError) Error() string   { return e.text }
func (e *namedError) Unwrap() []error { return []error{e.coded, e.cause} }

// routingError says why a request has come to no handler.
func (t *routes) routingError(code int32, text, endpoint string, req Request, why string, cause error) *namedError {
	where := fmt.Sprintf("endpoint %q of service %q", endpoint, cmp.Or(req.Service(), t.service))
	if t.node != "" {
		where += " at node " + t.node
	}
	return &namedError{text: text, coded: errors.New(errorID, where+": "+why, code), cause: cause}
}

// errorMessage is the message that tells a caller of err. Its text is the one
// that peers of go-micro v4 get. When that text alone does not tell the code of
// the error, a header does.
func errorMessage(id string, err error) *codec.Message {
	m := &codec.Message{Id: id, Error: errorText(err), Type: codec.Error}
	if e := coded(err, m.Error); e != nil {
		if text := e.Error(); len(text) <= maxErrorText {
			m.Header = map[string]string{wire.CodedErrorHeader: text}
		}
	}
	return m
}

// coded is err as an *errors.Error when its text, from which a caller makes an
// error of code 500 or the one that it is the JSON of, does not say all.
func coded(err error, text string) *errors.Error {
	var named *namedError
	if stderrors.As(err, &named) && named.text == text {
		return errors.FromError(named.coded)
	}
	if strings.HasPrefix(text, "{") {
		return nil
	}
	if e, ok := errors.As(err); ok && e != nil {
		return asError(e.Id, strings.Replace(text, e.Error(), e.Detail, 1), e.Code)
	}
	if stderrors.Is(err, context.DeadlineExceeded) || stderrors.Is(err, context.Canceled) {
		return asError(errorID, text, http.StatusRequestTimeout)
	}
	return nil
}

func asError(id, detail string, code int32) *errors.Error {
	return errors.FromError(errors.New(id, detail, code))
}

// readable is err, unless asking for its text panics, as it may when err holds
// a nil pointer. Better here, where panics are expected, than where the text is
// needed.
func readable(err error) error {
	if err != nil {
		_ = err.Error()
	}
	return err
}

// panicError is what becomes of a panic in a handler or a subscriber.
type panicError struct {
	error
	stack []byte
}

func (e *panicError) Unwrap() error { return e.error }

// recoverInto, deferred, turns a panic into an error.
func recoverInto(err *error) {
	if p := recover(); p != nil {
		*err = &panicError{
			error: errors.InternalServerError(errorID, "panic recovered: %v", p),
			stack: debug.Stack(),
		}
	}
}

// logPanic logs the stack of an error that was a panic.
func logPanic(log logger.Logger, what string, err error) {
	var p *panicError
	if stderrors.As(err, &p) {
		logger.LoggerOrDefault(log).Logf(logger.ErrorLevel, "server: panic in %s: %v\n%s", what, p.error, p.stack)
	}
}
