package server

import (
	"context"
	stderrors "errors"
	"net/http"
	"runtime/debug"

	"github.com/justcy/go-micro/v4/errors"
	"github.com/justcy/go-micro/v4/internal/wire"
	"github.com/justcy/go-micro/v4/logger"
)

// errorID is the id of the errors that the server itself makes.
const errorID = "go.micro.server"

// errEndOfStream tells the caller of a router that a stream ended well and that
// its client is to be told so.
var errEndOfStream = stderrors.New(wire.EOS)

var (
	errConnectionLost = stderrors.New("connection to the caller lost")
	errStopped        = stderrors.New("server stopped")
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
	return errors.Text(errorID, err)
}

// unknownEndpoint is the error of a request for something that is not served.
type unknownEndpoint struct {
	text string
	name string // of the service or endpoint
}

func (e *unknownEndpoint) Error() string { return e.text }

// grpcError is err for a gRPC client, whose protocol has a status for what other
// clients are told by a text alone.
func grpcError(err error) error {
	var unknown *unknownEndpoint
	if stderrors.As(err, &unknown) {
		return errors.New(errorID, "unknown service "+unknown.name, http.StatusNotImplemented)
	}
	if _, ok := errors.As(err); !ok && stderrors.Is(err, context.DeadlineExceeded) {
		return errors.Timeout(errorID, "%v", err)
	}
	return err
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
		logError(log, "server: panic in %s: %v\n%s", what, p.error, p.stack)
	}
}

func logError(log logger.Logger, format string, args ...any) {
	logger.LoggerOrDefault(log).Logf(logger.ErrorLevel, format, args...)
}

func logInfo(log logger.Logger, format string, args ...any) {
	logger.LoggerOrDefault(log).Logf(logger.InfoLevel, format, args...)
}
